/** A recording and controls → an animation, frame by frame where the service streams. */
import { Animation } from "../animation";
import type { Client } from "./client";
import { ServiceError } from "./problems";

export interface Order {
  audio: File;
  controls: Record<string, unknown>;
  /** Another recording, whose emotion is shown. */
  emotionAudio: File | null;
  model: string | null;
}

interface Whole {
  fps: [number, number];
  names: string[];
  weights: number[][];
  emotion: number[][] | null;
  emotion_names: string[];
  head: number[][] | null;
  meta: Record<string, unknown>;
}

const STREAM = "application/x-ndjson";

/** `onFrames` is called whenever the animation has grown. */
export async function animate(
  client: Client,
  order: Order,
  signal: AbortSignal,
  onFrames: (animation: Animation) => void,
): Promise<Animation> {
  const headers = { Accept: `${STREAM}, application/json;q=0.9` };
  const response = await client.send(path(order), { method: "POST", body: form(order), headers, signal });
  if (response.headers.get("content-type")?.startsWith(STREAM)) return streamed(response, onFrames);
  return wholeOf(await response.json());
}

/** The file that the service writes in this format. */
export async function download(client: Client, order: Order, format: string): Promise<Blob> {
  const response = await client.send(path(order, format), { method: "POST", body: form(order) });
  return response.blob();
}

function path(order: Order, format?: string): string {
  const query = new URLSearchParams();
  if (format) query.set("format", format);
  if (order.model) query.set("model", order.model);
  return `v1/animations${query.size ? `?${query}` : ""}`;
}

function form(order: Order): FormData {
  const body = new FormData();
  body.set("audio", order.audio, order.audio.name);
  body.set("controls", JSON.stringify(order.controls));
  if (order.emotionAudio) body.set("emotion_audio", order.emotionAudio, order.emotionAudio.name);
  return body;
}

export function wholeOf(answer: Whole): Animation {
  const animation = new Animation(answer.fps[0] / answer.fps[1], answer.names, answer.emotion_names);
  animation.put(0, answer.weights, answer.emotion, answer.head);
  animation.meta = answer.meta;
  return animation;
}

async function streamed(response: Response, onFrames: (animation: Animation) => void): Promise<Animation> {
  let animation: Animation | null = null;
  let ended = false;
  for await (const message of lines(response)) {
    if (message.type === "start") {
      const fps = Array.isArray(message.fps) ? message.fps[0] / message.fps[1] : message.fps;
      animation = new Animation(fps, message.names, message.emotion_names);
    } else if (message.type === "frames" && animation) {
      animation.put(message.first, message.weights, message.emotion, message.head);
      onFrames(animation);
    } else if (message.type === "end" && animation) {
      animation.meta = message.meta ?? {};
      ended = true;
    } else if (message.type === "error") {
      throw new ServiceError(message.problem ?? message);
    }
  }
  if (!animation || !ended)
    throw new ServiceError({ title: "The answer broke off", detail: "Not all frames came.", status: 503 });
  return animation;
}

export async function* lines(response: Response): AsyncGenerator<any> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    const parts = (rest + (value ?? "")).split("\n");
    rest = done ? "" : parts.pop()!;
    for (const part of parts) if (part.trim()) yield JSON.parse(part);
    if (done) return;
  }
}
