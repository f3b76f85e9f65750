/** A terminal's lines for a time. */
export interface Frame {
  lines: readonly Line[];
  ms: number;
}

/** Runs of one colour. */
export type Line = readonly { text: string; colour: string }[];

interface Size {
  columns: number;
  rows: number;
}

interface Cell {
  character: string;
  colour: string;
}

const foreground = '#d6deeb';
const colours: Readonly<Record<string, string>> = {
  '31': '#ff6b6b',
  '32': '#7ee787',
  '39': foreground,
  '0': foreground,
};

/** As much of a terminal as our tools use: lines, carriage return, erasing to the line's end, and colours. */
export class Screen {
  readonly #columns: number;
  readonly #rows: number;
  #cells: Cell[][] = [[]];
  #column = 0;
  #colour = foreground;

  constructor(columns: number, rows: number) {
    this.#columns = columns;
    this.#rows = rows;
  }

  write(text: string): void {
    for (const [part] of text.matchAll(/\u001b\[[\d;?]*[A-Za-z]|[^\u001b]|\u001b/gu)) {
      if (part === '\r') this.#column = 0;
      else if (part === '\n') this.#newLine();
      else if (part === '\u001b[K') this.#cells.at(-1)!.length = this.#column;
      else if (part.endsWith('m') && part.startsWith('\u001b['))
        this.#colour = colours[part.slice(2, -1)] ?? this.#colour;
      else if (!part.startsWith('\u001b')) this.#put(part);
    }
  }

  lines(): Line[] {
    return this.#cells.map((cells) => {
      const runs: { text: string; colour: string }[] = [];
      for (const { character, colour } of cells) {
        const last = runs.at(-1);
        if (last?.colour === colour) last.text += character;
        else runs.push({ text: character, colour });
      }
      return runs;
    });
  }

  #put(character: string): void {
    if (this.#column === this.#columns) this.#newLine();
    const line = this.#cells.at(-1)!;
    while (line.length < this.#column) line.push({ character: ' ', colour: foreground });
    line[this.#column] = { character, colour: this.#colour };
    this.#column += 1;
  }

  #newLine(): void {
    this.#cells.push([]);
    if (this.#cells.length > this.#rows) this.#cells.shift();
    this.#column = 0;
  }
}

const cell = { width: 8.4, height: 19 };
const margin = 16;
const bar = 28;

/**
 * Frames as one SVG that plays them in a loop. Frames stand below one another, and the window moves over them in
 * steps; readers who want less motion see the last one.
 */
export function castSvg(frames: readonly Frame[], { columns, rows }: Size): string {
  const shown = merged(frames);
  const [width, height] = [Math.ceil(columns * cell.width) + 2 * margin, rows * cell.height + 2 * margin];
  const totalMs = shown.reduce((sum, { ms }) => sum + ms, 0);
  let startMs = 0;
  const steps = shown.map(({ ms }, index) => {
    const percent = ((100 * startMs) / totalMs).toFixed(3);
    startMs += ms;
    return `${percent}%{transform:translateY(-${index * height}px)}`;
  });
  const ids = new Map<string, string>();
  const drawn = shown.map(({ lines }, index) => frame(lines, index * height, ids));
  const defs = [...ids].map(([markup, id]) => `<g id="${id}">${markup}</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height + bar}" role="img" aria-label="A terminal: pcrs etl loads the posture of a subscription, pcrs status proves it complete, pcrs to-csv lists what fails">
<style>.t{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre}.f{animation:play ${(totalMs / 1000).toFixed(1)}s step-end infinite}@keyframes play{${steps.join('')}}@media (prefers-reduced-motion:reduce){.f{animation:none;transform:translateY(-${(shown.length - 1) * height}px)}}</style>
<rect width="${width}" height="${height + bar}" rx="8" fill="#0f1720"/>
<circle cx="18" cy="16" r="5" fill="#ff5f57"/><circle cx="36" cy="16" r="5" fill="#febc2e"/><circle cx="54" cy="16" r="5" fill="#28c840"/>
<defs>${defs.join('\n')}</defs>
<svg y="${bar}" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"><g class="t f">
${drawn.join('\n')}
</g></svg></svg>
`;
}

/** Equal neighbours as one frame. */
function merged(frames: readonly Frame[]): Frame[] {
  const kept: Frame[] = [];
  for (const next of frames) {
    const last = kept.at(-1);
    if (last && JSON.stringify(last.lines) === JSON.stringify(next.lines)) last.ms += next.ms;
    else kept.push({ ...next });
  }
  return kept;
}

/** Equal lines are drawn once and used again. */
function frame(lines: readonly Line[], top: number, ids: Map<string, string>): string {
  const uses = lines.map((line, row) => {
    if (line.length === 0) return '';
    const markup = lineMarkup(line);
    const id = ids.get(markup) ?? `l${ids.size}`;
    ids.set(markup, id);
    return `<use href="#${id}" y="${top + margin + (row + 1) * cell.height - 5}"/>`;
  });
  return uses.join('');
}

function lineMarkup(line: Line): string {
  let column = 0;
  const spans = line.map(({ text, colour }) => {
    const x = (margin + column * cell.width).toFixed(1);
    const length = (text.length * cell.width).toFixed(1);
    column += text.length;
    return `<text x="${x}" textLength="${length}" fill="${colour}" xml:space="preserve">${escaped(text)}</text>`;
  });
  return spans.join('');
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
