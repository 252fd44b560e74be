/** The ring tone, made by the page itself: nothing to download, and nothing alive while it is silent. */

import type { Tone } from "./attention";
import type { SoundState } from "./preferences";

/** The ring repeats after so many seconds. */
const PERIOD = 2.4;
/** Beginning, length (seconds), pitch (hertz) and loudness of each beep of a ring. */
const RING = [
  [0, 0.18, 784, 0.32],
  [0.22, 0.26, 988, 0.32],
] as const;
const KNOCK = [[0, 0.14, 587, 0.12]] as const;
/** Each beep swells and fades this long (seconds), so that it does not click. */
const FADE = 0.03;

/** One period of the tone as samples from -1 to 1. */
export function samples(tone: "ring" | "knock", rate: number): Float32Array<ArrayBuffer> {
  const wave = new Float32Array(Math.round(PERIOD * rate));
  for (const [from, length, pitch, loudness] of tone === "ring" ? RING : KNOCK) {
    const first = Math.round(from * rate);
    const count = Math.round(length * rate);
    for (let index = 0; index < count; index += 1) {
      const time = index / rate;
      const swell = Math.min(1, time / FADE, (length - time) / FADE);
      wave[first + index] = loudness * swell * Math.sin(2 * Math.PI * pitch * time);
    }
  }
  return wave;
}

export class Bell {
  private playing: AudioContext | null = null;
  private tone: Tone = "none";
  private broken = false;

  /** Whether the browser lets this page be heard: it wants to have been touched once. */
  state(wanted: boolean): SoundState {
    if (this.broken || !("AudioContext" in window)) return "unsupported";
    if (!wanted) return "off";
    const touched: UserActivation | undefined = navigator.userActivation;
    return touched === undefined || touched.hasBeenActive ? "on" : "waiting";
  }

  /** Sound like this from now on; a knock is heard once each time it begins. */
  set(tone: Tone): void {
    if (tone === this.tone) return;
    this.tone = tone;
    this.silence();
    if (tone !== "none") this.tryToPlay(tone, tone === "ring");
  }

  /** One ring, to hear how loud it is. A real one that sounds is not disturbed. */
  test(): void {
    if (this.tone !== "none") return;
    this.silence();
    this.tryToPlay("ring", false);
  }

  /** A machine without sound must not take the card with it. */
  private tryToPlay(tone: "ring" | "knock", again: boolean): void {
    try {
      this.play(tone, again);
    } catch {
      this.broken = true;
    }
  }

  private play(tone: "ring" | "knock", again: boolean): void {
    const context = new AudioContext();
    const wave = samples(tone, context.sampleRate);
    const buffer = context.createBuffer(1, wave.length, context.sampleRate);
    buffer.copyToChannel(wave, 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.loop = again; // by the audio thread: timers of a hidden tab come late
    source.connect(context.destination);
    source.onended = () => {
      if (this.playing === context) this.silence();
    };
    source.start();
    this.playing = context;
  }

  private silence(): void {
    void this.playing?.close();
    this.playing = null;
  }
}
