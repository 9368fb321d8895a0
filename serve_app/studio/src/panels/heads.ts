/** The default head, or one's own; what of its names is not understood is told. */
import { Rig } from "../head/rig";
import type { Stage } from "../head/stage";
import type { Client } from "../service/client";
import { h, icon } from "../ui/dom";
import type { Notices } from "../ui/notice";

export class Heads {
  rig: Rig | null = null;

  constructor(
    private readonly stage: Stage,
    private readonly client: Client,
    private readonly label: HTMLElement,
    private readonly notices: Notices,
  ) {}

  async useDefault(): Promise<void> {
    try {
      const response = await this.client.send("studio/rig.glb");
      this.show(await Rig.parse(await response.arrayBuffer(), "The head"));
      this.label.hidden = true;
    } catch (error) {
      this.notices.error(error, () => void this.useDefault());
    }
  }

  async use(file: File): Promise<void> {
    try {
      const rig = await Rig.parse(await file.arrayBuffer(), file.name);
      this.show(rig);
      const shown = 52 - rig.missing.length;
      const back = h(
        "button",
        {
          type: "button",
          class: "bare",
          "aria-label": "Back to the default head",
          onclick: () => void this.useDefault(),
        },
        icon("close"),
      );
      this.label.replaceChildren(`${file.name}: ${shown} of 52 `, back);
      this.label.hidden = false;
      const lines = [
        rig.missing.length ? `Not there, so not shown: ${list(rig.missing)}.` : "",
        rig.unknown.length ? `Not of ARKit’s 52, so never moved: ${list(rig.unknown)}.` : "",
      ].filter(Boolean);
      if (lines.length) this.notices.tell(`${file.name} has ${shown} of the 52 coefficients`, ...lines);
    } catch (error) {
      this.notices.error(error);
    }
  }

  private show(rig: Rig): void {
    this.rig = rig;
    this.stage.show(rig);
  }
}

const list = (names: string[]): string =>
  names.slice(0, 8).join(", ") + (names.length > 8 ? `, and ${names.length - 8} more` : "");
