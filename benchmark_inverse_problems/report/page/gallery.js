// The gallery: the images of a problem, a slider between two pictures, and one place
// enlarged in all pictures alike.
(() => {
  const page = (image, view = 'image') => window._plots.gallery[
    ['gallery', state().gallery_dataset, image, view].join('_')];
  const chosen = {left: 'truth', right: null}; // stays while the reader changes the image

  const images = () => [...document.getElementById('change_gallery_image').options]
    .map(option => option.value)
    .filter(image => page(image).data.length);

  const thumbnails = container => {
    const numbers = images();
    if (numbers.length < 2) return;
    const row = element('div', 'thumbnails', container);
    for (const number of numbers) {
      const button = element('button', '', row);
      button.setAttribute('aria-label', `image ${number}`);
      button.setAttribute('aria-pressed', number === state().gallery_image);
      element('img', '', button).src = page(number).data[0].image;
      button.onclick = () => setState({gallery_image: number});
    }
  };

  const name = item => item.label.split('\n')[0];
  const compare = ({data, aspect}, container) => {
    const items = data.filter(item => item.image);
    if (items.length < 3) return;
    const find = (wanted, otherwise) =>
      items.find(item => name(item) === wanted) ?? items[otherwise];
    const box = element('div', 'compare', container);
    box.style.maxWidth = `${Math.min(900, 420 * Math.max(1, aspect))}px`;
    const frame = element('div', 'compare-frame', box);
    frame.style.aspectRatio = aspect;
    const pictures = {right: element('img', '', frame), left: element('img', '', frame)};
    element('i', 'compare-line', frame);
    const slider = element('input', '', frame);
    Object.assign(slider, {type: 'range', min: 0, max: 100, step: 0.5, value: 50});
    slider.setAttribute('aria-label', 'where the left picture ends');
    slider.oninput = () => frame.style.setProperty('--cut', `${slider.value}%`);
    slider.oninput();
    const bar = element('div', 'compare-bar', box);
    for (const [side, otherwise] of [['left', 0], ['right', 2]]) {
      const list = element('select', '', bar);
      list.setAttribute('aria-label', `${side} picture`);
      for (const item of items) {
        element('option', '', list, item.label.replaceAll('\n', ' ')).value = name(item);
      }
      const show = item => {
        list.value = name(item);
        pictures[side].src = item.image;
        pictures[side].alt = item.label;
      };
      show(find(chosen[side], otherwise));
      list.onchange = () => {
        chosen[side] = list.value;
        show(find(list.value, otherwise));
      };
    }
  };

  extras.gallery = (shown, container) => {
    if (state().plot_kind !== 'gallery') return;
    thumbnails(container);
    if (state().gallery_view === 'image') compare(shown, container);
    // The cards are as wide as their pictures need: volumes show three slices.
    const grid = document.querySelector('#image_container .grid');
    if (!grid) return;
    const wide = shown.aspect > 1.5;
    const width = `min(${wide ? 100 : 46}%, ${wide ? 480 : 190}px)`;
    grid.style.gridTemplateColumns = `repeat(auto-fill, minmax(${width}, 1fr))`;
    for (const picture of grid.querySelectorAll('img')) {
      picture.parentElement.style.aspectRatio = shown.aspect;
    }
  };

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
