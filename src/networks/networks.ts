/** One network's record. Only `bridge`, `host` and `none` exist until user-defined networks do. */
export interface Network {
  id: string;
  name: string;
  driver: string;
  scope: "local";
  createdAt: Date;
  internal: boolean;
  enableIpv6: boolean;
  ipam: { driver: string; config: { subnet: string; gateway: string }[] };
  options: Record<string, string>;
  labels: Record<string, string>;
  /** Attached containers: endpoint by container ID. */
  endpoints: EndpointState[];
}

/** One attachment of one container, as inspect shows it. */
export interface EndpointState {
  networkName: string;
  networkId: string;
  endpointId: string;
  containerId: string;
  gateway: string;
  ipAddress: string;
  prefixLength: number;
  macAddress: string;
  ports: PublishedPort[];
  aliases: string[];
}

export interface PublishedPort {
  containerPort: number;
  protocol: "tcp" | "udp" | "sctp";
  hostIp: string;
  hostPort: number;
}

export interface AttachmentRequest {
  containerId: string;
  containerName: string;
  network: string;
  endpoint: EndpointSpec;
  portBindings: PortBinding[];
}

/**
 * What the runtime needs to give a container its network, as data for the launch plan: the host side runs in `attend`, the
 * container side in `enter`. `close` fds (bound host ports, passed to the launcher that holds them) after the launch.
 */
export interface Sandbox {
  endpoint: EndpointState;
  /** RTM_NEWLINK that makes the pair, enslaves and raises the host end; childPidAt: where the child's pid goes. */
  hostMessages: { messages: Uint8Array; acks: number; childPidAt: number[]; comment: string };
  /** lo up, address, link up, default route. */
  containerMessages: { messages: Uint8Array; acks: number; comment: string };
  /** Bound sockets that reserve the published ports on the host; the launcher inherits and holds them. */
  portReservations: number[];
}

/**
 * Life cycle: `attach` (address, ports and nft elements reserved; nothing in any netns yet) → launch → `detach` when the task
 * ended or the launch failed. `restore` re-learns what running containers hold after the daemon was restarted, and removes
 * whatever belongs to none of them.
 */
export interface Networks {
  list(filters: Record<string, string[]>): Promise<Network[]>;
  get(reference: string): Promise<Network>;
  attach(request: AttachmentRequest): Promise<Sandbox>;
  detach(endpoint: EndpointState): Promise<void>;
  restore(running: EndpointState[]): Promise<void>;
  /** Messages that raise `lo` only (--net none). */
  loopbackMessages(): { messages: Uint8Array; acks: number; comment: string };
  close(): Promise<void>;
}

export interface PortBinding {
  /** `80/tcp` is { containerPort: 80, protocol: "tcp" }. */
  containerPort: number;
  protocol: "tcp" | "udp" | "sctp";
  /** "" means every address. */
  hostIp: string;
  /** 0: any free port; first..last is a range of which one free port is taken. */
  hostPortFirst: number;
  hostPortLast: number;
}

export interface EndpointSpec {
  ipv4Address?: string;
  ipv6Address?: string;
  aliases: string[];
  links: string[];
  macAddress?: string;
  driverOptions: Record<string, string>;
}
