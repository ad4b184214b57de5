// A sortable table with a search field: what benchopt's page asks of Grid.js.
const gridjs = (() => {
  // Classes of the heat map, by dB below the best of a problem. The last one has no limit.
  const LIMITS = [0.005, 0.5, 1, 2, 4, 8];
  const heat = text => {
    const number = text.replace('\u2212', '-').match(/^-?[\d.]+/);
    if (!number) return text ? 'heat failed' : 'heat skipped';
    const place = LIMITS.findIndex(limit => -Number(number[0]) < limit);
    const outside = text.includes('\u2022') ? ' outside' : '';
    return `heat heat-${place < 0 ? LIMITS.length : place}${outside}`;
  };
  extras.heat = ({heat: columns}, container) => {
    if (!columns) return;
    for (const pill of document.querySelectorAll('#table_container label')) {
      pill.hidden = columns.includes(pill.textContent.replace('\u2713 ', ''));
    }
    const key = element('div', 'key', container);
    element('span', '', key, 'PSNR below the best [dB]:');
    const texts = ['best', ...LIMITS.slice(1).map(limit => `< ${limit}`), 'more'];
    texts.forEach((text, i) => element('span', `swatch heat-${i}`, key, text));
  };

  const fill = (cell, value) => {
    if (value?.html === undefined) cell.textContent = value ?? '';
    else cell.innerHTML = value.html; // benchopt escapes it
  };

  class Grid {
    constructor(config) {
      this.config = config;
      this.listeners = [];
      this.sorted = null; // {index, ascending}
      this.words = '';
    }

    on(event, listener) {
      if (event === 'ready') this.listeners.push(listener);
      return this;
    }

    render(parent) {
      this.container = element('div', 'gridjs gridjs-container', parent);
      const search = element('input', 'gridjs-search-input', this.container);
      search.type = 'search';
      search.placeholder = 'Type a word to filter the rows';
      search.setAttribute('aria-label', search.placeholder);
      search.addEventListener('input', () => {
        this.words = search.value.trim().toLowerCase();
        this.showRows();
      });
      const wrapper = element('div', 'gridjs-wrapper', this.container);
      const table = element('table', 'gridjs-table', wrapper);
      this.head = element('tr', 'gridjs-tr', element('thead', 'gridjs-thead', table));
      this.body = element('tbody', 'gridjs-tbody', table);
      this.forceRender();
      this.listeners.forEach(listener => listener());
      return this;
    }

    forceRender() {
      this.showHead();
      this.showRows();
      return this;
    }

    visible() {
      return this.config.columns.map((column, index) => ({column, index}))
        .filter(({column}) => !column.hidden);
    }

    showHead() {
      this.head.replaceChildren();
      for (const {column, index} of this.visible()) {
        const hot = getPlotData().heat?.includes(column.name) ? ' heat' : '';
        const cell = element('th', `gridjs-th gridjs-th-sort${hot}`, this.head);
        cell.title = column.name;
        breakable(element('div', 'gridjs-th-content', cell), column.name);
        const state = this.sorted?.index !== index ? 'neutral'
          : this.sorted.ascending ? 'asc' : 'desc';
        const button = element('button', `gridjs-sort gridjs-sort-${state}`, cell);
        button.title = `Sort by ${column.name}`;
        cell.addEventListener('click', () => {
          this.sorted = {index, ascending: state !== 'asc'};
          this.forceRender();
        });
      }
    }

    rows() {
      const rows = [...this.config.data];
      if (!this.sorted) return rows;
      const {index, ascending} = this.sorted;
      const {compare} = this.config.columns[index].sort;
      return rows.sort((a, b) => (ascending ? 1 : -1) * compare(a[index], b[index]));
    }

    showRows() {
      this.body.replaceChildren();
      for (const values of this.rows()) {
        const row = element('tr', 'gridjs-tr', null);
        for (const {column, index} of this.visible()) {
          const cell = element('td', 'gridjs-td', row);
          cell.dataset.columnId = column.name;
          fill(cell, column.formatter ? column.formatter(values[index]) : values[index]);
          if (getPlotData().heat?.includes(column.name)) {
            const text = cell.textContent.trim();
            cell.className += ` ${heat(text)}`;
            cell.title = `${column.name}, ${row.cells[0].textContent}: ${text || 'skipped'}`;
          }
        }
        if (row.textContent.toLowerCase().includes(this.words)) {
          this.body.appendChild(row);
        }
      }
    }
  }

  return {Grid, html: (html) => ({html})};
})();
