import type { Target, TargetKind, TargetOf } from "./target.ts";

export type Method = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One request on its way through the server. */
export interface Exchange<T = Target> {
  request: Request;
  method: Method;
  /** Without query. */
  path: string;
  query: URLSearchParams;
  target: T;
  /** The body, with limits; read at most once. */
  body: () => AsyncIterable<Uint8Array>;
  document(limitBytes: number): Promise<Uint8Array>;
}

export type Handler<K extends TargetKind = TargetKind> = (
  exchange: Exchange<TargetOf<K>>,
) => Response | Promise<Response>;

/** What may be done with what a path names; any other method is UNSUPPORTED. HEAD is GET unless it has its own entry. */
export type Routes = { [K in TargetKind]?: Partial<Record<Method, Handler<K>>> };
