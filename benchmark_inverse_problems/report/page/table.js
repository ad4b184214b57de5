// A sortable table with a search field: what benchopt's page asks of Grid.js.
const gridjs = (() => {
  const element = (tag, className, parent) => {
    const node = document.createElement(tag);
    node.className = className;
    parent?.appendChild(node);
    return node;
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
        const cell = element('th', 'gridjs-th gridjs-th-sort', this.head);
        element('div', 'gridjs-th-content', cell).textContent = column.name;
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
        }
        if (row.textContent.toLowerCase().includes(this.words)) {
          this.body.appendChild(row);
        }
      }
    }
  }

  return {Grid, html: (html) => ({html})};
})();
