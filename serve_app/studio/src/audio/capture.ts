/** The microphone as chunks of 16-bit samples at 16 kHz. */
import worklet from "./capture.worklet.ts?worker&url";

export class Capture {
  private constructor(
    private readonly context: AudioContext,
    private readonly stream: MediaStream,
    private readonly node: AudioWorkletNode,
    /** What the device says of its own delay. */
    readonly deviceDelay: number,
  ) {}

  /** Asks for the microphone. Rejects as `getUserMedia` does. */
  static async start(onChunk: (pcm: Int16Array<ArrayBuffer>) => void): Promise<Capture> {
    if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
    const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: true };
    const stream = await navigator.mediaDevices.getUserMedia({ audio });
    const context = new AudioContext({ latencyHint: "interactive" });
    try {
      await context.audioWorklet.addModule(new URL(worklet, import.meta.url));
      const node = new AudioWorkletNode(context, "capture", { numberOfOutputs: 1, outputChannelCount: [1] });
      node.port.onmessage = ({ data }) => data && onChunk(data);
      context.createMediaStreamSource(stream).connect(node);
      node.connect(context.destination); // silent: what is not connected is not run
      await context.resume();
      const settings = stream.getAudioTracks()[0].getSettings() as MediaTrackSettings & { latency?: number };
      return new Capture(context, stream, node, settings.latency ?? 0);
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      void context.close();
      throw error;
    }
  }

  /** Resolves behind the last chunk. */
  async stop(): Promise<void> {
    const done = new Promise<void>((resolve) => {
      const { port } = this.node;
      const deliver = port.onmessage!.bind(port);
      port.onmessage = (event) => (event.data ? deliver(event) : resolve());
    });
    this.node.port.postMessage("end");
    await done;
    for (const track of this.stream.getTracks()) track.stop();
    await this.context.close();
  }
}
