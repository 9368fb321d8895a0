/** Dubbing jobs of the service: ordered, looked at, cancelled. */
import type { Client } from "./client";

export interface Job {
  id: string;
  state: "queued" | "running" | "cancelling" | "succeeded" | "failed" | "cancelled" | "interrupted";
  reason: string | null;
  output: string;
  inputs: string[];
  formats: string[];
  model: string;
  controls: Record<string, unknown>;
  items: { total: number | null; done: number; failed: number };
  hours: { total: number | null; done: number };
  speed: number | null;
  time_left_s: number | null;
  errors: { uri: string; reason: string }[];
  report: string | null;
}

export interface JobOrder {
  inputs: string[];
  /** A table of recordings, instead of inputs. */
  manifest: File | null;
  output: string;
  formats: string[];
  controls: Record<string, unknown>;
  emotionUri: string | null;
  model: string | null;
}

const PATH = "v1/jobs";

export const isActive = ({ state }: Job): boolean => ["queued", "running", "cancelling"].includes(state);

/** key: the same one begins nothing twice. */
export async function order(client: Client, wanted: JobOrder, key: string): Promise<void> {
  const { inputs, manifest, output, formats, controls, emotionUri, model } = wanted;
  const headers: Record<string, string> = { "Idempotency-Key": key };
  let body: BodyInit;
  if (manifest) {
    body = new FormData();
    body.set("manifest", manifest, manifest.name);
    body.set("output", output);
    formats.forEach((name) => (body as FormData).append("formats", name));
    body.set("controls", JSON.stringify(controls));
  } else {
    const emotion = emotionUri ? { emotion_uri: emotionUri } : {};
    body = JSON.stringify({ inputs, output, formats, controls, ...emotion });
    headers["Content-Type"] = "application/json";
  }
  const query = model ? `?model=${encodeURIComponent(model)}` : "";
  await client.send(PATH + query, { method: "POST", body, headers });
}

/** A job whose run was lost, ordered anew: what it had finished is not made again. */
export function orderAgain(client: Client, job: Job): Promise<void> {
  const { emotion_from: emotionUri, ...controls } = job.controls;
  const wanted = { ...job, manifest: null, controls, emotionUri: (emotionUri as string | null) ?? null };
  return order(client, wanted, `again-${job.id}`);
}

export async function allJobs(client: Client): Promise<Job[]> {
  return (await client.json<{ jobs: Job[] }>(PATH)).jobs;
}

export async function cancel(client: Client, { id }: Job): Promise<void> {
  await client.send(`${PATH}/${id}`, { method: "DELETE" });
}

/** The page of a report: fetched, as a link would carry no key. */
export async function report(client: Client, { id }: Job): Promise<Blob> {
  return (await client.send(`${PATH}/${id}/report`, { headers: { Accept: "text/html" } })).blob();
}
