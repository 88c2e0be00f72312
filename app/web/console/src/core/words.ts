// Beginnings of texts that people wrote. An emoji is more than one of JavaScript's characters, and is never cut in two.

/** The first characters of a text. */
export const firstOf = (text: string, count: number): string => [...text.slice(0, 2 * count)].slice(0, count).join("");

/** The same, with "…" where something is left out. */
export function shortened(text: string, count: number): string {
  const first = firstOf(text, count);
  return first.length < text.length ? `${first}…` : text;
}
