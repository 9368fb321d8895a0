/** What the page is about: one recording, two settings, and the animation that each of them gives. */
import type { Animation } from "./animation";
import { Waveform } from "./audio/waveform";
import type { Player } from "./audio/player";
import type { Abilities, Model } from "./service/abilities";
import { animate, type Order } from "./service/animate";
import type { Client } from "./service/client";
import { isAbort } from "./service/problems";
import { controlsOf, freshSettings, type Settings } from "./settings";
import { Signal } from "./ui/signal";

export type SlotName = "A" | "B";
const PATIENCE_MS = 280; // between the last touch of a slider and the request

export interface Take {
  file: File;
  waveform: Waveform | null;
  duration: number;
}

export class Slot {
  settings: Settings = freshSettings();
  animation: Animation | null = null;
  /** The order that `animation` came of, as text; null: none has come. */
  done: string | null = null;
  abort: AbortController | null = null;
  seconds = 0;
}

export class Session {
  readonly slots: Record<SlotName, Slot> = { A: new Slot(), B: new Slot() };
  active: SlotName = "A";
  take: Take | null = null;
  model: Model | null = null;
  /** Another recording, or none. */
  readonly opened = new Signal();
  /** Another slot, or other settings. */
  readonly chosen = new Signal();
  /** Frames have come, of whichever slot. */
  readonly grown = new Signal<SlotName>();
  readonly busy = new Signal<boolean>();
  readonly failed = new Signal<unknown>();
  /** Whether the last file could be heard by the browser. */
  readonly mute = new Signal<File>();
  private timer = 0;

  constructor(
    private readonly client: Client,
    private readonly player: Player,
    public abilities: Abilities,
  ) {}

  get slot(): Slot {
    return this.slots[this.active];
  }

  get other(): Slot {
    return this.slots[this.active === "A" ? "B" : "A"];
  }

  async open(file: File, animation: Animation | null = null): Promise<void> {
    for (const slot of Object.values(this.slots)) {
      slot.abort?.abort();
      slot.abort = slot.animation = slot.done = null;
    }
    this.take = null;
    this.player.load(null, 0);
    const buffer = await file
      .arrayBuffer()
      .then((data) => this.player.decode(data))
      .catch(() => null);
    this.take = { file, waveform: buffer && Waveform.of(buffer), duration: buffer?.duration ?? 0 };
    this.player.load(buffer, this.take.duration);
    if (animation) {
      this.slot.animation = animation;
      this.slot.done = this.text(this.slot);
      this.stretch();
    }
    this.opened.emit();
    if (!buffer) this.mute.emit(file);
    this.grown.emit(this.active);
    if (!animation) this.refresh(0);
  }

  choose(name: SlotName): void {
    this.active = name;
    this.chosen.emit();
    this.refresh(0);
  }

  /** Settings as they become; the animation follows. */
  change(update: (settings: Settings) => void): void {
    update(this.slot.settings);
    this.chosen.emit();
    this.refresh(PATIENCE_MS);
  }

  /** B as A is, or the other way round. */
  copyToOther(): void {
    const { slot, other } = this;
    other.abort?.abort();
    other.settings = structuredClone(slot.settings);
    other.animation = slot.animation;
    other.done = slot.done;
    this.chosen.emit();
  }

  order(slot: Slot = this.slot): Order | null {
    if (!this.take) return null;
    const { settings } = slot;
    return {
      audio: this.take.file,
      controls: controlsOf(settings, this.abilities),
      emotionAudio: settings.source === "recording" ? settings.emotionAudio : null,
      model: this.model?.name ?? null,
    };
  }

  /** Asks anew where the slot's settings are not those that its animation came of. */
  refresh(delay = 0): void {
    clearTimeout(this.timer);
    const slot = this.slot;
    if (!this.take || slot.done === this.text(slot)) {
      slot.abort?.abort();
      slot.abort = null;
      this.busy.emit(false);
      return;
    }
    this.timer = window.setTimeout(() => this.run(this.active), delay);
  }

  private async run(name: SlotName): Promise<void> {
    const slot = this.slots[name];
    const order = this.order(slot)!;
    const text = this.text(slot);
    const abort = new AbortController();
    slot.abort?.abort();
    slot.abort = abort;
    this.busy.emit(true);
    const began = performance.now();
    try {
      const first = slot.animation === null;
      const animation = await animate(this.client, order, abort.signal, (part) => {
        // While the first answer grows it is shown; later ones take the old one's place when they are whole.
        if (first) this.put(name, part);
      });
      slot.seconds = (performance.now() - began) / 1000;
      slot.done = text;
      this.put(name, animation);
    } catch (error) {
      if (!isAbort(error) && slot.abort === abort) this.failed.emit(error);
    } finally {
      if (slot.abort === abort) {
        slot.abort = null;
        this.busy.emit(false);
      }
    }
  }

  private put(name: SlotName, animation: Animation): void {
    this.slots[name].animation = animation;
    this.stretch();
    this.grown.emit(name);
  }

  /** The face may rest only behind the end of the sound. */
  private stretch(): void {
    const longest = Math.max(...Object.values(this.slots).map(({ animation }) => animation?.duration ?? 0));
    this.take!.duration = Math.max(this.take!.waveform?.duration ?? 0, longest);
    this.player.duration = this.take!.duration;
  }

  private text(slot: Slot): string {
    const order = this.order(slot);
    const other = order?.emotionAudio;
    return JSON.stringify([order?.model, order?.controls, other && [other.name, other.size, other.lastModified]]);
  }
}
