/** Elements in one call: attributes, listeners (`onclick: …`), children. */

type Value = string | number | boolean | null | undefined | ((event: any) => void);
export type Child = Node | string | null | undefined | false;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Value> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(
    ...children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false),
  );
  return element;
}

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as T;
}

const SHAPES = {
  play: "M8 5.2v13.6L19 12z",
  pause: "M8 5v14M16 5v14",
  open: "M3.5 18.5v-13h6l2 2.5h9v10.5z",
  mic: "M12 3.5a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0v-5a3 3 0 0 1 3-3zM5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3",
  live: "M4 12h2l2.5-6 4 13 3-9 1.5 2h3",
  stop: "M7 7h10v10H7z",
  download: "M12 4v11m-4.5-4L12 15.5 16.500 11M5 19.500h14",
  loop: "M17 3.500l3 3-3 3M4 11.500v-1a4 4 0 0 1 4-4h12M7 20.500l-3-3 3-3M20 12.500v1a4 4 0 0 1-4 4H4",
  plus: "M12 6v12M6 12h12",
  minus: "M6 12h12",
  fit: "M4 8V4.500h4M16 4.500h4V8M20 16v3.500h-4M8 19.500H4V16",
  close: "M6.500 6.500l11 11M17.500 6.500l-11 11",
  theme: "M12 4a8 8 0 1 0 0 16zM12 4a8 8 0 0 1 0 16",
  curves: "M3.500 15c3 0 3-8 6-8s3 10 6 10 3-6 5-6",
  reset: "M5 5v5h5M5.500 10a7.500 7.500 0 1 1-1 4",
} as const;
export type Shape = keyof typeof SHAPES;

/** An icon of 24 units, drawn in the text's colour; hidden from readers of screens, whose words stand beside it. */
export function icon(shape: Shape): SVGSVGElement {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon icon-${shape}`);
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[shape]);
  svg.append(path);
  return svg;
}

let named = 0;
/** An id that no other element has. */
export const freshId = (stem: string): string => `${stem}-${++named}`;
