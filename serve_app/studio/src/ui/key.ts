/** Asks for an API key, where the service wants one. */
import { h } from "./dom";

export function askForKey(refused: boolean): Promise<string | null> {
  return new Promise((resolve) => {
    const field = h("input", { id: "key", type: "password", autocomplete: "off", required: true, spellcheck: "false" });
    const words = refused ? "The service does not know that key." : "This service is for people with a key.";
    const form = h(
      "form",
      { method: "dialog", onsubmit: () => dialog.close("key") },
      h("h2", {}, "API key"),
      h("p", {}, `${words} It is kept until this tab is closed.`),
      h("label", { for: "key" }, "Key"),
      field,
      h(
        "div",
        { class: "row end" },
        h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel"),
        h("button", { class: "primary" }, "Use it"),
      ),
    );
    const dialog = h("dialog", { "aria-label": "API key" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "key" ? field.value.trim() : null);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
