import { beforeEach, describe, expect, test } from "vitest";

import type { SessionAnswer } from "../src/session";
import { Line, backOff } from "../src/socket";
import type { Ports, Socket } from "../src/socket";
import type { Input } from "../src/state";

const INSIDE: SessionAnswer = {
  kind: "inside",
  operator: { id: "op1", name: "Ольга", phones: [], language: "ru", role: "operator" },
  serverTime: null,
};

class FakeSocket implements Socket {
  onopen: (() => void) | null = null;
  onmessage: ((text: string) => void) | null = null;
  onclose: ((code: number) => void) | null = null;
  readonly sent: string[] = [];
  closed = false;

  send(text: string): void {
    this.sent.push((JSON.parse(text) as { op: string }).op);
  }

  close(): void {
    this.closed = true;
  }

  welcome(): void {
    this.onopen?.();
    this.onmessage?.('{"op":"welcome","stream":"s1","seq":0,"heartbeat_s":20}');
  }
}

/** A world with its own time: nothing waits for real. */
class World implements Ports {
  readonly sockets: FakeSocket[] = [];
  readonly told: Input[] = [];
  answer: SessionAnswer = INSIDE;
  resumable: { stream: string; seq: number } | null = null;
  private time = 0;
  private timers: { at: number; chain: number; then: () => void }[] = [];
  /** How many timers stand in a row behind what runs now, each set by the one before. */
  private chain = 0;
  longestChain = 0;

  openSocket = (): Socket => {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  };
  askSession = (): Promise<SessionAnswer> => Promise.resolve(this.answer);
  now = (): number => this.time;
  random = (): number => 0;
  resume = (): { stream: string; seq: number } | null => this.resumable;
  tell = (input: Input): void => void this.told.push(input);
  after = (milliseconds: number, then: () => void): (() => void) => {
    const timer = { at: this.time + milliseconds, chain: this.chain + 1, then };
    this.longestChain = Math.max(this.longestChain, timer.chain);
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((each) => each !== timer));
  };

  async pass(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      const next = this.timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.timers = this.timers.filter((each) => each !== next);
      this.time = next.at;
      this.chain = next.chain;
      next.then();
      this.chain = 0;
      await settled();
    }
    this.time = end;
    await settled();
  }

  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error("no socket was opened");
    return socket;
  }

  get kinds(): readonly string[] {
    return this.told.map((input) => (input.kind === "line" ? `line ${input.phase}` : input.kind));
  }

  get pending(): number {
    return this.timers.length;
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
}

let world: World;
let line: Line;

beforeEach(async () => {
  world = new World();
  line = new Line(world);
  line.start();
  await settled();
});

describe("the line to the bridge", () => {
  test("asks who we are, says hello and passes the frames on", () => {
    world.last.welcome();
    expect(world.last.sent).toEqual(["hello"]);
    expect(world.kinds).toEqual(["session", "frame"]);
  });

  test.each([1006, 1012, 4004, 4008])("closed with %i it comes back by itself", async (code) => {
    world.last.welcome();
    world.last.onclose?.(code);
    expect(world.kinds.at(-1)).toBe("line lost");
    await world.pass(5_000);
    expect(world.sockets).toHaveLength(2);
  });

  test("closed with 4003, or with any code after such a bye, it leads to the door and stays there", async () => {
    world.last.welcome();
    world.last.onmessage?.('{"op":"bye","code":4003,"reason":"session over"}');
    world.last.onclose?.(1006);
    await world.pass(60_000);
    expect(world.kinds.at(-1)).toBe("no_session");
    expect(world.sockets).toHaveLength(1);
    expect(world.pending).toBe(0);
  });

  test("refused with 4002 it asks who it is, and without a session knocks no more", async () => {
    world.last.onopen?.();
    world.answer = { kind: "outside" };
    world.last.onclose?.(4002);
    await world.pass(60_000);
    expect(world.kinds.at(-1)).toBe("no_session");
    expect(world.sockets).toHaveLength(1);
    expect(world.pending).toBe(0);
  });

  test("refused with 4002 in spite of a session (too many tabs) it comes in when there is room, and asks for no password", async () => {
    world.last.onopen?.();
    world.last.onclose?.(4002);
    await world.pass(5_000);
    world.last.welcome();
    expect(world.kinds).not.toContain("no_session");
    expect(world.kinds.at(-1)).toBe("frame");
  });

  test("an answer that was asked for before it was let go counts for nothing after the next start", async () => {
    line.stop();
    const answers: ((answer: SessionAnswer) => void)[] = [];
    world.askSession = () => new Promise((resolve) => answers.push(resolve));
    line.start();
    line.stop();
    line.start();
    answers[0]?.({ kind: "outside" });
    await settled();
    expect(world.kinds).not.toContain("no_session");
    answers[1]?.(INSIDE);
    await settled();
    expect(world.sockets).toHaveLength(2);
  });

  test("after a restart of the bridge it waits its own time, up to 5 s", async () => {
    world.random = () => 0.999;
    world.last.welcome();
    world.last.onmessage?.('{"op":"bye","code":1012,"reason":"restart"}');
    world.last.onclose?.(1012);
    await world.pass(4_900);
    expect(world.sockets).toHaveLength(1);
    await world.pass(100);
    expect(world.sockets).toHaveLength(2);
  });

  test("a session that ended while the bridge was away leads to the door", async () => {
    world.last.welcome();
    world.answer = { kind: "outside" };
    world.last.onclose?.(1006);
    await world.pass(5_000);
    expect(world.kinds.at(-1)).toBe("no_session");
  });

  test("a bridge that is not there is tried again and again, without haste", async () => {
    world.answer = { kind: "unreachable" };
    world.last.onclose?.(1006);
    await world.pass(60_000);
    const tries = world.kinds.filter((kind) => kind === "line lost").length;
    expect(tries).toBeGreaterThan(10);
    world.answer = INSIDE;
    await world.pass(5_000);
    world.last.welcome();
    expect(world.kinds.at(-1)).toBe("frame");
  });

  test("no welcome in time is a dead line", async () => {
    world.last.onopen?.();
    await world.pass(10_000);
    expect(world.sockets[0]?.closed).toBe(true);
    expect(world.kinds).toContain("line lost");
  });

  test("a ping that nothing answers is a dead line, an answered one is not", async () => {
    const [first] = world.sockets;
    first?.welcome();
    await world.pass(20_000);
    expect(first?.sent).toEqual(["hello", "ping"]);
    first?.onmessage?.('{"op":"pong"}');
    await world.pass(19_000);
    expect(world.kinds).not.toContain("line lost");
    await world.pass(6_000);
    expect(first?.closed).toBe(true);
    expect(world.kinds).toContain("line lost");
  });

  test("after a closed lid it looks at once whether the line is there", async () => {
    world.last.welcome();
    line.check();
    expect(world.last.sent).toEqual(["hello", "ping"]);
    await world.pass(2_000);
    expect(world.kinds.at(-1)).toBe("line lost");
    line.check();
    await settled();
    expect(world.sockets).toHaveLength(2);
  });

  test("after a sleep it asks for the time and for what was missed, on a new line", async () => {
    const [first] = world.sockets;
    first?.welcome();
    line.again();
    await settled();
    expect(first?.closed).toBe(true);
    expect(world.sockets).toHaveLength(2);
    expect(world.kinds).toEqual(["session", "frame", "line lost", "session"]);
    expect(world.pending).toBe(1); // the time limit for the welcome, and no attempt besides
  });

  test("a hole in the numbers gets a snapshot, a mere break resumes", async () => {
    world.resumable = { stream: "s1", seq: 4 };
    const hellos: string[] = [];
    const listen = (): void => {
      const socket = world.last;
      socket.send = (text) => void hellos.push(text);
      socket.welcome();
    };
    listen();
    line.resync();
    await world.pass(5_000);
    listen();
    world.last.onclose?.(1006);
    await world.pass(5_000);
    listen();
    expect(hellos.filter((text) => text.includes("hello")).map((text) => text.includes("resume"))).toEqual([true, false, true]);
  });

  test("its timers are set by answers and never five in a row, which a hidden tab would get once a minute", async () => {
    world.last.welcome();
    for (let beat = 1; beat <= 8; beat += 1) {
      await world.pass(20_000);
      expect(world.last.sent.filter((op) => op === "ping")).toHaveLength(beat);
      world.last.onmessage?.('{"op":"pong"}');
    }
    expect(world.longestChain).toBeLessThan(5);
  });

  test("let go, it leaves no socket and no timer", async () => {
    world.last.welcome();
    line.stop();
    expect(world.last.closed).toBe(true);
    expect(world.pending).toBe(0);
    line.check();
    await world.pass(60_000);
    expect(world.sockets).toHaveLength(1);
  });
});

describe("the wait before the next attempt", () => {
  test.each([0, 1, 2, 10, 1000])("after %i failures lies between 0.5 and 5 s", (failures) => {
    for (const chance of [0, 0.5, 0.999]) {
      const wait = backOff(failures, 1006, chance);
      expect(wait).toBeGreaterThanOrEqual(500);
      expect(wait).toBeLessThanOrEqual(5_000);
    }
  });

  test("spreads over the whole range when the bridge restarts", () => {
    expect(backOff(0, 1012, 0)).toBe(500);
    expect(backOff(0, 1012, 1)).toBe(5_000);
  });
});
