// benchopt's page was written for plotly.js 2, where a title could be a bare text.
(() => {
  const titled = (part, more) => typeof part?.title === 'string'
    ? {...part, title: {text: part.title, ...more}} : part;

  // What our pages say about a trace and benchopt's page does not draw.
  const dressed = (trace, {dash, shape, size, mode, name, hover}, place) => ({
    ...trace,
    mode: mode ?? (name ? 'markers+text' : trace.mode),
    text: name && [name],
    textposition: place,
    textfont: {size: 13, color: '#374151'},
    line: {...trace.line, dash, shape},
    marker: {
      ...trace.marker, size: size ?? trace.marker?.size, opacity: size ? 0.85 : 1,
      line: {width: 1, color: 'white'},
    },
    cliponaxis: false,
    hovertemplate: hover
      ? `<b>${trace.name}</b><br>${hover}<extra></extra>`
      : `<b>${trace.name}</b><br>%{x:.4g}, %{y:.4g}<extra></extra>`,
  });

  // The side of each point where its name meets fewest other points and names.
  const PLACES = ['top center', 'middle right', 'middle left', 'bottom center'];
  const places = (div, traces, layout) => {
    const scale = ({type, range}, values) => {
      const moved = values.map(v => type === 'log' ? Math.log10(v) : v);
      const low = range?.[0] ?? Math.min(...moved);
      const span = (range?.[1] ?? Math.max(...moved)) - low || 1;
      return moved.map(v => (v - low) / span);
    };
    const points = traces.map(trace => [trace.x[0], trace.y[0]]);
    const xs = scale(layout.xaxis, points.map(p => p[0]));
    const ys = scale(layout.yaxis, points.map(p => p[1]));
    const width = 0.8 * (div.clientWidth || 1000), height = 0.7 * (div.clientHeight || 600);
    const dots = traces.map((trace, i) => {
      const r = (trace.size ?? 10) / 2;
      const [x, y] = [xs[i] * width, -ys[i] * height];
      return {x0: x - r, x1: x + r, y0: y - r, y1: y + r, x, y, r};
    });
    const taken = dots.filter((_, i) => traces[i].name);
    const overlap = (a, b) =>
      Math.max(0, Math.min(a.x1, b.x1) - Math.max(a.x0, b.x0))
      * Math.max(0, Math.min(a.y1, b.y1) - Math.max(a.y0, b.y0));
    return traces.map(({name}, i) => {
      if (!name) return undefined;
      const {x, y, r} = dots[i], w = 8 * name.length, h = 16;
      const boxes = PLACES.map(place => {
        const left = {'middle right': x + r, 'middle left': x - r - w}[place] ?? x - w / 2;
        const top = {'top center': y - r - h, 'bottom center': y + r}[place] ?? y - h / 2;
        return {x0: left, x1: left + w, y0: top, y1: top + h};
      });
      const outside = box =>
        Math.max(0, -box.x0, box.x1 - width) * h + Math.max(0, -height - box.y0) * w;
      const costs = boxes.map(
        box => taken.reduce((sum, t) => sum + overlap(box, t), outside(box)));
      const best = costs.indexOf(Math.min(...costs));
      taken.push(boxes[best]);
      return PLACES[best];
    });
  };

  const react = Plotly.react;
  Plotly.react = (div, data, layout, ...rest) => {
    const page = getPlotData();
    layout = {...titled(layout, {font: {size: 15}})};
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis/.test(key)) layout[key] = titled(layout[key], {standoff: 12});
    }
    if (page.type === 'scatter' && page.data.length === data.length) {
      for (const axis of ['xaxis', 'yaxis']) {
        const range = page[`${axis[0]}range`];
        if (range && layout[axis].type === 'linear') layout[axis] = {...layout[axis], range};
      }
      const where = places(div, page.data, layout);
      const layer = i => page.data[i].layer ?? 0;
      const order = [...data.keys()].sort((a, b) => layer(a) - layer(b));
      data = order.map(i => dressed(data[i], page.data[i], where[i]));
      if (page.ticks?.length) {
        layout.xaxis = {
          ...layout.xaxis, title: {text: page.ticks_label}, ticktext: page.ticks,
          tickvals: page.ticks.map((_, i) => i + 1), minor: {},
        };
      }
    }
    return react(div, data, layout, ...rest);
  };
})();

// Each picture is in the page once: `@3` stands for the fourth one. The legend's labels
// are short: what appears over them begins with the full name.
window.addEventListener('load', () => {
  const about = window.metadata.solvers_description;
  const full = {};
  for (const page of Object.values(window._plots).flatMap(Object.values)) {
    for (const item of page.data) {
      if (item.image?.startsWith?.('@')) item.image = PICTURES[item.image.slice(1)];
      if (item.solver) full[item.label] = `<b>${item.solver}</b> ${about[item.solver] ?? ''}`;
    }
  }
  Object.assign(about, full);
});

// A click on a picture of the gallery enlarges that place in all pictures alike; moving
// the pointer looks around, and another click ends it.
(() => {
  const ZOOM = 4;
  let zoomed = false;
  const pictures = () => document.querySelectorAll('#image_container img');
  const show = ({target, clientX, clientY}) => {
    const box = target.parentElement.getBoundingClientRect();
    const x = 100 * (clientX - box.left) / box.width;
    const y = 100 * (clientY - box.top) / box.height;
    for (const picture of pictures()) {
      picture.parentElement.style.overflow = 'hidden';
      picture.style.transformOrigin = `${x}% ${y}%`;
      picture.style.transform = zoomed ? `scale(${ZOOM})` : '';
    }
  };
  const inGallery = ({target}) => target.matches?.('#image_container img');
  document.addEventListener('click', event => {
    if (!inGallery(event)) return;
    zoomed = !zoomed;
    show(event);
  });
  document.addEventListener('pointermove', event => {
    if (zoomed && inGallery(event)) show(event);
  });
  document.addEventListener('pointerover', event => {
    if (inGallery(event)) event.target.title = 'Click to enlarge this place in all pictures';
  });
})();

// The animation of the brand is left out.
const anime = {timeline: () => ({add() { return this; }})};
