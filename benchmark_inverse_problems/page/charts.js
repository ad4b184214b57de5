// benchopt's page was written for plotly.js 2, where a title could be a bare text.
(() => {
  const react = Plotly.react;
  const titled = (part) => typeof part?.title === 'string'
    ? {...part, title: {text: part.title}} : part;
  Plotly.react = (div, data, layout, ...rest) => {
    layout = titled(layout);
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis/.test(key)) layout = {...layout, [key]: titled(layout[key])};
    }
    return react(div, data, layout, ...rest);
  };
})();

// The animation of the brand is left out.
const anime = {timeline: () => ({add() { return this; }})};
