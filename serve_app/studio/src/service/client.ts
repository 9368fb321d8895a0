/** Requests to the service that this page comes from: its key, its errors, its patience. */
import { errorOf, isAbort, UNREACHABLE } from "./problems";

const KEY = "emotalk.key";
const PROTOCOL = "emotalk.v1";
const PATIENCE = 4;

/** Asks the person for an API key; null: they would rather not. */
export type AskForKey = (refused: boolean) => Promise<string | null>;

export class Client {
  askForKey: AskForKey = async () => null;
  private asking: Promise<string | null> | null = null;

  get key(): string | null {
    return sessionStorage.getItem(KEY);
  }

  url(path: string): URL {
    return new URL(path, document.baseURI);
  }

  /** The answer if it is a good one, else a ServiceError. Waits and comes again where the service says so. */
  async send(path: string, options: RequestInit = {}): Promise<Response> {
    for (let attempt = 1; ; attempt++) {
      const key = this.key;
      const headers = new Headers(options.headers);
      if (key) headers.set("Authorization", `Bearer ${key}`);
      const response = await fetch(this.url(path), { ...options, headers }).catch((error) => {
        throw isAbort(error) ? error : UNREACHABLE;
      });
      if (response.ok) return response;
      const error = await errorOf(response);
      if (response.status === 401 && (await this.newKey(key))) continue;
      if (error.retryAfter === null || ![429, 503].includes(response.status) || attempt >= PATIENCE) throw error;
      await pause(Math.min(error.retryAfter, 10) * attempt * (0.75 + Math.random() / 2), options.signal ?? null);
    }
  }

  async json<T>(path: string, options: RequestInit = {}): Promise<T> {
    return (await this.send(path, options)).json();
  }

  /** For WebSockets, whose handshake carries no headers of ours. */
  protocols(): string[] {
    return this.key ? [PROTOCOL, `emotalk.key.${this.key}`] : [PROTOCOL];
  }

  private async newKey(refused: string | null): Promise<boolean> {
    if (this.key !== refused) return true; // another request has asked already
    this.asking ??= this.askForKey(refused !== null).finally(() => (this.asking = null));
    const key = await this.asking;
    if (key) sessionStorage.setItem(KEY, key);
    return key !== null;
  }
}

export function pause(seconds: number, signal: AbortSignal | null = null): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    setTimeout(resolve, 1000 * seconds);
  });
}
