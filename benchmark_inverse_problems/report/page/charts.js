// The charts: plotly, unpacked when the first chart is drawn, and what our pages say about
// a trace that benchopt's page does not draw.
const Plotly = (() => {
  let loading, turns = 0;
  const load = () => loading ??= (async () => {
    const packed = Uint8Array.from(atob(PLOTLY), c => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
    const script = document.createElement('script');
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    return window.Plotly;
  })();

  const FONT = 12;
  const context = document.createElement('canvas').getContext('2d');
  const width = text => {
    context.font = `${FONT}px ${getComputedStyle(document.body).fontFamily}`;
    return context.measureText(text).width;
  };

  // 1, 2 and 5 of each decade of a range in powers of ten, or the decades if it is wide.
  const ticks = ([low, high]) => {
    const digits = high - low > 2.5 ? [1] : [1, 2, 5];
    const found = [];
    for (let power = Math.floor(low); power <= high; power++) {
      for (const digit of digits) {
        const place = power + Math.log10(digit);
        if (place >= low && place <= high) found.push(Number(`${digit}e${power}`));
      }
    }
    return found;
  };

  const moved = (axis, value) => axis.type === 'log' ? Math.log10(value) : value;
  // The range of an axis of some pixels: that of the page or of the data, and room for the
  // largest bubble.
  const range = (axis, values, given, pixels, radius) => {
    const places = values.map(v => moved(axis, v)).filter(Number.isFinite);
    if (!places.length) return undefined;
    const fixed = given && axis.type === 'linear';
    const [low, high] = fixed ? given : [Math.min(...places), Math.max(...places)];
    const span = high - low || 1;
    const margin = Math.max(fixed ? 0 : 0.06, radius / Math.max(1, pixels - 2 * radius)) * span;
    return [low - margin, high + margin];
  };

  const dressed = (trace, {dash, shape, size, mode, hover}) => ({
    ...trace,
    mode: mode ?? trace.mode,
    line: {...trace.line, dash, shape},
    marker: {
      ...trace.marker, size: size ?? trace.marker?.size, opacity: size ? 0.85 : 1,
      line: {width: 1, color: variable('--paper')},
    },
    cliponaxis: true,
    hovertemplate: hover
      ? `<b>${trace.name}</b><br>${hover}<extra></extra>`
      : `<b>${trace.name}</b><br>%{x:.4g}, %{y:.4g}<extra></extra>`,
  });

  // Names beside points: in the frame, off the other points, off lines and off each other.
  // A name that fits nowhere is left to the legend.
  const SIDES = [[0, -1], [1, 0], [-1, 0], [0, 1], [1, -1], [-1, -1], [1, 1], [-1, 1]];
  const named = (items, layout, frame) => {
    const at = (x, y) => {
      const [[x0, x1], [y0, y1]] = [layout.xaxis.range, layout.yaxis.range];
      return [
        frame.width * (moved(layout.xaxis, x) - x0) / (x1 - x0),
        frame.height * (1 - (moved(layout.yaxis, y) - y0) / (y1 - y0)),
      ];
    };
    const taken = [];
    for (const {x, y, size, mode, shape} of items) {
      if (mode !== 'lines') {
        const r = (size ?? 10) / 2;
        for (const i of x.keys()) {
          const [px, py] = at(x[i], y[i]);
          taken.push([px - r, py - r, px + r, py + r]);
        }
      }
      if (shape !== 'hv') continue;
      for (let i = 1; i < x.length; i++) { // steps: along, then up
        const [[ax, ay], [bx, by]] = [at(x[i - 1], y[i - 1]), at(x[i], y[i])];
        taken.push([ax, ay - 2, bx, ay + 2], [bx - 2, Math.min(ay, by), bx + 2, Math.max(ay, by)]);
      }
    }
    const apart = (a, b) => a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
    const annotations = [];
    for (const {x, y, size, name} of items) {
      if (!name) continue;
      const [px, py] = at(x[0], y[0]);
      const [w, h, r] = [width(name) + 6, FONT + 6, (size ?? 10) / 2];
      for (const [dx, dy] of SIDES) {
        const reach = dx && dy ? 0.75 * r : r;
        const [cx, cy] = [px + dx * (reach + w / 2), py + dy * (reach + h / 2)];
        const box = [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
        const inside = box[0] > 2 && box[1] > 2
          && box[2] < frame.width - 2 && box[3] < frame.height - 2;
        if (!inside || !taken.every(other => apart(box, other))) continue;
        taken.push(box);
        annotations.push({
          x: moved(layout.xaxis, x[0]), y: moved(layout.yaxis, y[0]), text: name,
          xshift: cx - px, yshift: py - cy, showarrow: false,
          font: {size: FONT, color: variable('--ink')},
        });
        break;
      }
    }
    return annotations;
  };

  // benchopt's page was written for plotly.js 2, where a title could be a bare text.
  const arranged = (div, data, layout) => {
    const page = getPlotData();
    const [ink, grid] = [variable('--ink'), variable('--line')];
    const narrow = div.clientWidth < 560;
    const margin = {l: narrow ? 52 : 70, r: 16, t: 12};
    const frame = {width: div.clientWidth - margin.l - margin.r};
    const below = wrapped(page.ticks?.length ? page.ticks_label : page.xlabel, frame.width);
    margin.b = 48 + 16 * below.split('<br>').length;
    frame.height = div.clientHeight - margin.t - margin.b;
    layout = {
      ...layout, margin, autosize: false, width: div.clientWidth, height: div.clientHeight,
      title: undefined, dragmode: narrow ? false : 'zoom', hovermode: 'closest',
      paper_bgcolor: 'rgba(0,0,0,0)', plot_bgcolor: 'rgba(0,0,0,0)',
      font: {family: getComputedStyle(document.body).fontFamily, color: ink, size: FONT},
    };
    const seen = data.map((trace, i) => [trace, page.data[i]])
      .filter(([trace]) => trace.visible !== 'legendonly');
    for (const name of ['x', 'y']) {
      const axis = layout[`${name}axis`];
      if (!axis) continue;
      const values = seen.flatMap(([trace]) => trace[name]);
      const length = frame[name === 'x' ? 'width' : 'height'];
      const radius = Math.max(...seen.map(([, item]) => (item.size ?? 10) / 2), 0) + 3;
      const shown = range(axis, values, page[`${name}range`], length, radius);
      layout[`${name}axis`] = {
        ...axis, range: shown, automargin: false, linecolor: grid, tickcolor: grid,
        gridcolor: grid, mirror: false, minor: {}, nticks: narrow ? 5 : 8,
        exponentformat: 'none', zeroline: false,
        title: {
          text: name === 'x' ? below : wrapped(axis.title, length), standoff: 8,
          font: {size: FONT},
        },
        ...(axis.type === 'log' && shown ? {tickvals: ticks(shown)} : {}),
      };
    }
    if (page.type !== 'scatter') return [data, layout];
    const order = [...data.keys()].sort(
      (a, b) => (page.data[a].layer ?? 0) - (page.data[b].layer ?? 0));
    if (page.ticks?.length) {
      const count = page.ticks.length;
      layout.xaxis = {
        ...layout.xaxis, range: [0.7, count + 0.3], ticktext: page.ticks,
        tickvals: page.ticks.map((_, i) => i + 1),
      };
    }
    layout.annotations = data.length ? named(seen.map(([, item]) => item), layout, frame) : [];
    return [order.map(i => dressed(data[i], page.data[i])), layout];
  };

  // A title of an axis in lines that are not longer than the axis.
  const wrapped = (text, room) => {
    const lines = [''];
    for (const word of (text ?? '').split(' ')) {
      const longer = `${lines.at(-1)} ${word}`.trim();
      if (width(longer) < room) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines.slice(0, 2).join('<br>');
  };

  const quiet = {displayModeBar: false, responsive: false};
  return {
    purge: div => window.Plotly?.purge(div),
    relayout: () => {}, // benchopt's ticks of logarithmic axes; ours are set above
    react(div, data, layout) {
      const turn = ++turns;
      window.drawn = load().then(library => turn === turns
        && library.react(div, ...arranged(div, data, layout), quiet));
      return window.drawn;
    },
    Plots: {resize: () => window.drawn ?? Promise.resolve()},
  };
})();

// Each picture is in the page once: `@3` stands for the fourth one. The legend's labels
// are short: what appears over them begins with the full name.
addEventListener('load', () => {
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
