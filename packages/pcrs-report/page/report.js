// Fills the page's tables, and sorts, filters and opens rows. Writes text only as text, and makes no requests.

const rowsAtFirst = 25;
const rowsMore = 200;
const hostsOpened = 50;
const dayMs = 24 * 3600 * 1000;
const collator = new Intl.Collator('en', { numeric: true });
const whole = new Intl.NumberFormat('en-US');

showAge();
openData().then(start, (error) => {
  document.body.prepend(
    element('p', { class: 'banner' }, `The tables of this page cannot be shown: ${error.message}`),
  );
});

/** The page's data: base64 of raw deflate of JSON. */
async function openData() {
  const packed = Uint8Array.from(atob(document.getElementById('data').textContent), (char) =>
    char.charCodeAt(0),
  );
  const opened = new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  return new Response(opened).json();
}

function start(data) {
  const tables = new Map();
  for (const place of document.querySelectorAll('.data')) {
    tables.set(place.dataset.table, makeTable(place, data));
  }
  const goTo = () => {
    const id = /^#control-(\d+)$/.exec(location.hash)?.[1];
    const row = id === undefined ? -1 : data.tables.controls[0].indexOf(id);
    if (row >= 0) tables.get('controls').open(row);
  };
  addEventListener('hashchange', goTo);
  document.addEventListener('click', ({ target }) => {
    if (target.closest?.('a')?.hash === location.hash) goTo();
  });
  goTo();
  document.documentElement.dataset.ready = '';
  performance.mark('ready');
}

/** A table: `columns` of the data, sorted and filtered, with the requested number of rows. */
function makeTable(place, data) {
  const [body, input, found, tools, more] = ['tbody', 'input', '.found', '.tools', '.more'].map((part) =>
    place.querySelector(part),
  );
  const heads = [...place.querySelectorAll('th')];
  const columns = data.tables[place.dataset.table].map((column, at) => makeColumn(column, heads[at], data));
  const count = columns[0].length;
  let order = Uint32Array.from({ length: count }, (_, at) => at);
  let matching = order;
  let shown = rowsAtFirst;
  const opened = new Set();

  function draw() {
    body.replaceChildren(...[...matching.subarray(0, shown)].flatMap(rowsOf));
    found.textContent =
      matching.length === count
        ? `${whole.format(count)} rows`
        : `${whole.format(matching.length)} of ${whole.format(count)} rows`;
    more.hidden = matching.length <= shown;
    more.firstChild.textContent = `Show ${whole.format(Math.min(rowsMore, matching.length - shown))} more`;
  }

  function rowsOf(at) {
    const row = element('tr', {}, ...columns.map((column, number) => cellOf(column, number, at)));
    return opened.has(at)
      ? [
          row,
          element(
            'tr',
            { class: 'opened' },
            element('td', { colspan: columns.length }, ...details(place.dataset.opens, at, data)),
          ),
        ]
      : [row];
  }

  function cellOf(column, number, at) {
    const content = column.content(at);
    const isName = number === columns.findIndex(({ isText }) => isText);
    if (!isName) return element('td', { class: column.className }, content);
    if (place.dataset.opens === undefined)
      return element('th', { scope: 'row', class: column.className }, content);
    const button = element(
      'button',
      { type: 'button', 'aria-expanded': opened.has(at), 'data-row': at },
      content,
    );
    return element('th', { scope: 'row', class: column.className }, button);
  }

  function filter() {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const tests = words.map((word) => columns.map((column) => column.finder(word)).filter(Boolean));
    matching =
      words.length === 0
        ? order
        : order.filter((at) => tests.every((finders) => finders.some((find) => find(at))));
    shown = rowsAtFirst;
    draw();
  }

  function sort(head, column) {
    const direction = head.getAttribute('aria-sort') === column.first ? -1 : 1;
    for (const other of heads) other.removeAttribute('aria-sort');
    const up = (column.first === 'ascending') === (direction === 1);
    head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
    const ranks = column.ranks();
    order = Uint32Array.from({ length: count }, (_, at) => at).sort(
      (a, b) => (up ? ranks[a] - ranks[b] : ranks[b] - ranks[a]) || a - b,
    );
    filter();
  }

  function toggle(at) {
    if (!opened.delete(at)) opened.add(at);
    draw();
    body.querySelector(`[data-row="${at}"]`)?.focus();
  }

  for (const [at, head] of heads.entries()) {
    head.firstChild.addEventListener('click', () => sort(head, columns[at]));
  }
  input.addEventListener('input', filter);
  more.firstChild.addEventListener('click', () => {
    shown += rowsMore;
    draw();
  });
  body.addEventListener('click', ({ target }) => {
    const button = target.closest('button');
    if (button) toggle(Number(button.dataset.row));
  });
  tools.hidden = false;
  draw();

  return {
    /** Moves a row to the top of the screen, opened. */
    open(at) {
      input.value = '';
      filter();
      shown = Math.max(shown, matching.indexOf(at) + 1);
      opened.add(at);
      draw();
      const button = body.querySelector(`[data-row="${at}"]`);
      button.closest('tr').scrollIntoView({ block: 'start' });
      button.focus({ preventScroll: true });
    },
  };
}

/** A column as the table needs it, however its values are stored. */
function makeColumn(column, head, data) {
  const { kind } = head.dataset;
  const list = column.of === undefined ? undefined : data.lists[column.of];
  const values = column.places ?? column.days ?? column;
  const isText = kind === 'text';
  return {
    length: values.length,
    isText,
    className: head.className,
    first: isText ? 'ascending' : 'descending',
    content: (at) => contents[kind](list === undefined ? values[at] : list[values[at]], at, column, data),
    /** Sort keys of the rows, as numbers. */
    ranks() {
      if (kind === 'level') return values;
      if (!isText) return values.map((value) => (value === null ? -1 : Number(value)));
      if (list === undefined) return ranksOf(values);
      const ranks = ranksOf(list);
      return values.map((place) => ranks[place]);
    },
    /** Whether a row's text holds a word; undefined for columns without search. */
    finder(word) {
      if (kind !== 'text' && kind !== 'level' && head.textContent !== 'CID') return undefined;
      const holds = (text) => String(text).toLowerCase().includes(word);
      if (list === undefined) return (at) => holds(values[at]);
      const places = list.map(holds);
      return (at) => places[values[at]];
    },
  };
}

/** The rank of each text among all of them. */
function ranksOf(texts) {
  const order = texts.map((_, at) => at).sort((a, b) => collator.compare(texts[a], texts[b]));
  const ranks = new Array(texts.length);
  let rank = 0;
  order.forEach((at, place) => {
    if (place > 0 && texts[at] !== texts[order[place - 1]]) rank += 1;
    ranks[at] = rank;
  });
  return ranks;
}

/** Content of a cell, by the kind of its column. */
const contents = {
  text: (text) => element('bdi', {}, text),
  number: (number) => (typeof number === 'string' ? number : whole.format(number)),
  rate: (rate) => element('span', { class: 'rated' }, rateBar(rate), percent(rate)),
  days: (days, at, { atMost }) => (days < 0 ? '–' : `${atMost[at] ? '≤ ' : ''}${whole.format(days)}`),
  level(label, at, column, data) {
    const value = Math.max(0, Math.min(5, Math.round(data.lists.levels[column.places[at]])));
    const dots = element(
      'span',
      { class: 'dots', 'aria-hidden': 'true' },
      '●'.repeat(value),
      element('i', {}, '●'.repeat(5 - value)),
    );
    return element('span', { class: 'level' }, dots, ' ', label);
  },
};

/** The same as on the first screen: never 100 % while something fails. */
function percent(rate) {
  if (rate === null) return '–';
  if (rate === 100 || rate === 0) return `${rate} %`;
  return `${Math.min(99.9, Math.max(0.1, rate)).toFixed(1)} %`;
}

function rateBar(rate) {
  const svg = (name, attributes) => {
    const made = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    return made;
  };
  const bar = svg('svg', {
    class: 'bar',
    viewBox: '0 0 100 10',
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
  });
  if (rate === null) return bar;
  bar.append(
    svg('rect', { class: 'pass', width: rate, height: 10 }),
    svg('rect', { class: 'fail', x: rate, width: 100 - rate, height: 10 }),
  );
  return bar;
}

/** The content of an opened row. */
function details(what, at, data) {
  return what === 'control' ? controlDetails(at, data) : failuresOf('host', at, data);
}

function controlDetails(at, data) {
  const { rationale, remediation, reference, technologies, policies } = data.details.controls[at];
  const texts = [
    ['Rationale', rationale],
    ['Remediation', remediation],
    ['Reference', reference],
    ['Technologies', technologies.join(' · ')],
    ['Policies', policies.join(' · ')],
  ].filter(([, text]) => text !== '');
  const list = element(
    'dl',
    {},
    ...texts.flatMap(([name, text]) => [
      element('dt', {}, name),
      element('dd', {}, element('bdi', {}, text)),
    ]),
  );
  return [list, ...failuresOf('control', at, data)];
}

/** The first failures of a control or a host, as a table. */
function failuresOf(what, key, data) {
  const failures = data.tables.failures;
  if (failures === undefined) return [];
  const [controls, , hosts, policies, age] = failures;
  const isControl = what === 'control';
  const keys = (isControl ? controls : hosts).places;
  const titles = isControl ? hosts : controls;
  const places = [];
  for (let at = 0; at < keys.length && places.length <= hostsOpened; at += 1)
    if (keys[at] === key) places.push(at);
  if (places.length === 0) return [];
  const values = data.details.values;
  const hasValues = places.some((at) => values[at]);
  const heads = [
    isControl ? 'Host' : 'Control',
    'Policy',
    'Days',
    ...(hasValues ? ['Expected', 'Current'] : []),
  ];
  const rows = places.slice(0, hostsOpened).map((at) => {
    const title = data.lists[titles.of][titles.places[at]];
    const [expected, current] = values[at] ?? ['', ''];
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, element('bdi', {}, title)),
      element('td', {}, element('bdi', {}, data.lists.policies[policies.places[at]])),
      element('td', { class: 'num' }, contents.days(age.days[at], at, age)),
      ...(hasValues
        ? [expected, current].map((text) => element('td', { class: 'value' }, element('bdi', {}, text)))
        : []),
    );
  });
  const table = element(
    'table',
    {},
    element(
      'caption',
      {},
      places.length > hostsOpened
        ? `The first ${hostsOpened} failures; Filter under “All failures” finds the others`
        : 'Failures',
    ),
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        ...heads.map((head) => element('th', { scope: 'col', class: head === 'Days' ? 'num' : '' }, head)),
      ),
    ),
    element('tbody', {}, ...rows),
  );
  return [table];
}

/** Shows the run's age by the reader's clock, and a banner if it is too old. */
function showAge() {
  const time = document.querySelector('.state time');
  if (time === null) return;
  const ageMs = Date.now() - Date.parse(time.dateTime);
  const hours = Math.floor(ageMs / 3_600_000);
  if (hours < 0) return;
  const text =
    hours < 1
      ? 'less than an hour old'
      : hours < 48
        ? `${hours} h old`
        : `${Math.floor(hours / 24)} days old`;
  document.getElementById('age').textContent = `, ${text}`;
  document.getElementById('old').hidden = ageMs <= 2 * dayMs;
}

function element(name, attributes, ...content) {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  made.append(...content);
  return made;
}
