import { createHash } from "node:crypto";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { listAttributes, parseAttributes } from "../kernel/netlink/message-reader.ts";
import type { TableObjects } from "../kernel/nftables/generation.ts";
import type { HostNetwork } from "./host-network.ts";
import { type BridgeRules, elementOf, type Forwarding, MAPS, renderForwardings, renderRuleset } from "./ruleset.ts";

/** How often the ruleset's generation is read: one request of a few microseconds. */
const WATCH_INTERVAL_MS = 250;

/** Fingerprint of no table: equals nothing, not even what was found if somebody flushed right after an installation. */
const GONE = "gone";

/**
 * Owns the nft table: what it must hold, and that it holds it. Every change is one atomic batch; a change that the kernel
 * refuses because the table is not as left is answered by installing the whole table. Somebody else's change anywhere
 * (`nft flush ruleset`, a firewall's reload) shows in the generation number and makes the guard compare and, if need be, install.
 */
export class RulesetGuard {
  readonly #table: string;
  readonly #host: HostNetwork;
  readonly #log: Logger;
  readonly #forwardings = new Set<Forwarding>();
  #bridges: BridgeRules[] = [];
  #installed: string | undefined;
  #generation = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(table: string, host: HostNetwork, log: Logger) {
    this.#table = table;
    this.#host = host;
    this.#log = log;
  }

  /** Installs the table for these bridges and whatever is published, and begins to watch. Throws NetlinkError. */
  install(bridges: BridgeRules[]): void {
    this.#bridges = bridges;
    this.#installWhole();
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#watch(), WATCH_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Before the table is installed, only remembers. Throws NetlinkError, and then nothing has changed. */
  add(forwardings: Forwarding[]): void {
    for (const forwarding of forwardings) this.#forwardings.add(forwarding);
    try {
      this.#change("add", forwardings);
    } catch (error) {
      for (const forwarding of forwardings) this.#forwardings.delete(forwarding);
      throw error;
    }
  }

  remove(forwardings: Forwarding[]): void {
    for (const forwarding of forwardings) this.#forwardings.delete(forwarding);
    this.#change("remove", forwardings);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #change(kind: "add" | "remove", forwardings: Forwarding[]): void {
    if (this.#installed === undefined || forwardings.length === 0) return;
    try {
      this.#host.applyRules(
        renderForwardings(this.#table, kind, forwardings),
        `published ports of table ${this.#table}`,
      );
      // One step on is this very change; further on, somebody else was here too and the watch will look.
      if (this.#host.ruleGeneration() === this.#generation + 1) this.#generation++;
    } catch (error) {
      this.#log.warn("table is not as it was left, installing it again", {
        table: this.#table,
        error: messageOf(error),
      });
      this.#installWhole();
    }
  }

  #watch(): void {
    try {
      const generation = this.#host.ruleGeneration();
      if (generation === this.#generation) return;
      const found = this.#fingerprint();
      if (found !== GONE && found === this.#installed && this.#holdsForwardings()) {
        this.#generation = generation;
        return;
      }
      this.#log.warn("somebody changed the table, installing it again", { table: this.#table });
      this.#installWhole();
    } catch (error) {
      this.#log.error("cannot watch the table", { table: this.#table, error: messageOf(error) });
    }
  }

  #installWhole(): void {
    const batch = renderRuleset(this.#table, this.#bridges, [...this.#forwardings]);
    this.#host.applyRules(batch, `installing table ${this.#table}`);
    this.#generation = this.#host.ruleGeneration();
    this.#installed = this.#fingerprint();
  }

  /** Chains and rules byte for byte; of maps only the names, since they count their elements. */
  #fingerprint(): string {
    const { chains, rules, maps } = this.#dump([]);
    if (chains.length === 0) return GONE;
    const hash = createHash("sha256");
    for (const payload of [...chains, ...rules]) hash.update(payload).update("|");
    for (const payload of maps) hash.update(parseAttributes(payload).get(2) ?? "").update("|");
    return hash.digest("hex");
  }

  #holdsForwardings(): boolean {
    const present = new Set(this.#dump(MAPS).elements.flatMap(elementsOf));
    const wanted = new Set([...this.#forwardings].map(elementOf).map(({ key, data }) => `${hex(key)}:${hex(data)}`));
    return present.size === wanted.size && [...wanted].every((element) => present.has(element));
  }

  #dump(maps: string[]): TableObjects {
    return this.#host.dumpRules(this.#table, maps);
  }
}

/** `key:data` in hex for each element of one NEWSETELEM payload. */
function elementsOf(payload: Buffer): string[] {
  const list = parseAttributes(payload).get(3);
  if (list === undefined) return [];
  return listAttributes(list).map(({ value }) => {
    const fields = parseAttributes(value);
    const part = (type: number) => hex(parseAttributes(fields.get(type) ?? Buffer.alloc(0)).get(1) ?? Buffer.alloc(0));
    return `${part(1)}:${part(2)}`;
  });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
