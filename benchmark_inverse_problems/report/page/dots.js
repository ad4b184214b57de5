// The leaderboard's dots: the difference to the best and its 95 % interval. A filled dot is
// not distinguishable from the best.
extras.dots = ({dots}, container) => {
  if (!dots?.length) return;
  const near = dots.filter(dot => dot.near);
  // Intervals of few images are wide: they make the axis at most three times as long.
  const [first, last] = [Math.min(...near.map(dot => dot.mean), -0.1), 0];
  const reach = last - first;
  const low = Math.max(first - reach, Math.min(first, ...near.map(dot => dot.low ?? 0)));
  const high = Math.min(last + reach, Math.max(last, ...near.map(dot => dot.high ?? 0)));
  const margin = 0.05 * (high - low);
  const place = value => 100 * (value - low + margin) / (high - low + 2 * margin);
  const inside = value => Math.min(100, Math.max(0, place(value)));
  const signed = value => `${value > 0 ? '+' : value < 0 ? '\u2212' : ''}${Math.abs(value)}`;
  const at = (node, left, width) => {
    node.style.left = `${left}%`;
    if (width !== undefined) node.style.width = `${width}%`;
  };

  const box = element('div', 'dots', container);
  for (const dot of dots) {
    const row = element('div', 'dots-row', box);
    breakable(element('span', 'dots-label', row), dot.label);
    const track = element('span', 'dots-track', row);
    at(element('i', 'dots-zero', track), place(0));
    if (!dot.near) {
      element('span', 'dots-far', track, `\u2190 ${signed(+dot.mean.toFixed(1))} dB`);
      continue;
    }
    if (dot.low !== null) {
      at(element('i', 'dots-bar', track), inside(dot.low), inside(dot.high) - inside(dot.low));
    }
    const mark = element('i', `dots-dot${dot.tied ? ' tied' : ''}`, track);
    at(mark, place(dot.mean));
    mark.title = `${dot.label}: ${signed(+dot.mean.toFixed(2))} dB`;
  }
  const row = element('div', 'dots-row dots-axis', box);
  element('span', 'dots-label', row);
  const axis = element('span', 'dots-track', row);
  const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50]
    .find(size => (high - low) / size <= 5) ?? 100;
  for (let i = Math.ceil(low / step); i * step <= high; i++) {
    at(element('span', 'dots-tick', axis, signed(+(i * step).toFixed(2))), place(i * step));
  }
  element('div', 'dots-note', box,
    'PSNR to the best [dB], mean and 95 % interval; filled: not distinguishable from the best');
};
