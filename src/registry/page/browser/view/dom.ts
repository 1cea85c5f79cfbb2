export type Child = Node | string | undefined | false;

type Value = string | number | boolean | undefined | ((event: Event) => void);
const SVG = "http://www.w3.org/2000/svg";

/**
 * Makes an element. Text is only ever a text node, so whatever a registry holds is shown and never becomes markup. Functions listen
 * to events (`onclick`); `true` sets an empty attribute, `false` and undefined none. A link leads nowhere but into this page.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Value> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  return furnish(document.createElement(tag), attributes, children);
}

/** The same for pictures. */
export function svg(tag: string, attributes: Record<string, Value> = {}, ...children: Child[]): SVGElement {
  return furnish(document.createElementNS(SVG, tag) as SVGElement, attributes, children);
}

function furnish<E extends Element>(element: E, attributes: Record<string, Value>, children: Child[]): E {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== undefined) element.setAttribute(name, checked(name, String(value)));
  }
  element.append(...children.filter((child): child is Node | string => child !== undefined && child !== false));
  return element;
}

function checked(name: string, value: string): string {
  if (name === "href" && !value.startsWith("#/")) throw new Error(`a link that leaves the page: ${value}`);
  return value;
}

/** Runs once when the element comes near the screen; never after the signal. */
export function whenNear(element: Element, signal: AbortSignal, run: () => void): void {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      run();
    },
    { rootMargin: "300px" },
  );
  observer.observe(element);
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
}

/** Tells users of screen readers what changed without moving them there. */
export function announce(message: string): void {
  document.getElementById("status")?.replaceChildren(message);
}
