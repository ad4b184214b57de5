// What every page of the dashboard has: a heading, selects that say where they are, colours
// of the reader's system. benchopt keeps what is shown in `window._state`.
const theme = matchMedia('(prefers-color-scheme: dark)');
const element = (tag, className, parent, text) => {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  parent?.append(node);
  return node;
};
// A text that may break after brackets and commas, as names with parameters need.
const breakable = (node, text) => {
  node.replaceChildren(...text.split(/(?<=[[,])/).flatMap(
    (part, i) => i ? [document.createElement('wbr'), part] : [part]));
};
const variable = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Extras of a page, such as the dots of the leaderboard: {name: (page, container) => ...}.
const extras = {};

(() => {
  let state;
  const names = {}; // short names of problems

  // The colours of solvers are made for white paper. Dark ones are lighter on black.
  const toned = color => {
    if (!theme.matches || !color?.startsWith('rgba')) return color;
    const [r, g, b, a] = color.match(/[\d.]+/g).map(Number);
    const light = (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
    const share = Math.max(0, 0.55 - light);
    const mixed = [r, g, b].map(c => Math.round(c + share * (255 - c)));
    return `rgba(${mixed.join(', ')}, ${a})`;
  };

  const select = (id, value) => {
    // benchopt's page has each select twice, for wide screens and for phones.
    for (const node of document.querySelectorAll(`[id="${id}"]`)) node.value = value;
  };

  const afterwards = () => {
    const page = getPlotData();
    const [first, ...lines] = (page.title ?? '').split(/<br\s*\/?>/);
    const heading = document.getElementById('page_heading');
    heading.replaceChildren();
    breakable(element('h2', '', heading), first);
    for (const line of lines) element('p', '', heading, line);
    document.body.classList.toggle('nothing', page.data.length === 0);
    for (const [key, value] of Object.entries(state)) select(`change_${key}`, value);
    select('plot_kind', state.plot_kind);
    const view = document.querySelector('span.view.active');
    if (view) document.getElementById('tabs').value = view.textContent;
    const container = document.getElementById('page_extras');
    container.replaceChildren();
    for (const draw of Object.values(extras)) draw(page, container);
  };

  Object.defineProperty(window, '_state', {
    get: () => state,
    set(value) {
      state = value;
      for (const item of getPlotData()?.data ?? []) {
        if (item.color) item.color = toned(item.given ??= item.color);
      }
      queueMicrotask(afterwards); // after benchopt has drawn, before the browser paints
    },
  });
  theme.addEventListener('change', () => setState({}));
  let waiting;
  addEventListener('resize', () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => setState({}), 250);
  });

  addEventListener('load', () => {
    for (const [key, page] of Object.entries(window._plots.leaderboard ?? {})) {
      names[key.slice('leaderboard_'.length)] = page.short;
    }
    for (const option of document.querySelectorAll('select[id^=change_] option')) {
      option.title = option.value;
      option.textContent = names[option.value] ?? option.textContent;
    }
    for (const label of document.querySelectorAll('label[for$=_dataset]')) {
      label.textContent = 'problem';
    }
    const table = document.getElementById('table_container');
    for (const id of ['page_heading', 'page_extras']) {
      const node = element('div', '', null);
      node.id = id;
      table.before(node);
    }
  });
})();

// The animation of the brand is left out.
const anime = {timeline: () => ({add() { return this; }})};
