/** Light, dark, or as the system has it. */
import { icon } from "./dom";
import { forgetColours } from "./palette";

const THEMES = ["auto", "light", "dark"] as const;
const KEPT = "emotalk.theme";

export function themeButton(button: HTMLElement): void {
  const put = (theme: string) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.setAttribute("aria-label", `Theme: ${theme}`);
    button.title = `Theme: ${theme}`;
    forgetColours();
  };
  let at = Math.max(0, THEMES.indexOf((localStorage.getItem(KEPT) ?? "auto") as (typeof THEMES)[number]));
  button.append(icon("theme"));
  button.addEventListener("click", () => {
    at = (at + 1) % THEMES.length;
    localStorage.setItem(KEPT, THEMES[at]);
    put(THEMES[at]);
  });
  put(THEMES[at]);
}
