/** `GET /networks` (there without `Containers`) and `GET /networks/{id}`. */
export interface WireNetwork {
  Name: string;
  Id: string;
  Created: string;
  Scope: string;
  Driver: string;
  /** Since 1.48. */
  EnableIPv4?: boolean;
  EnableIPv6: boolean;
  IPAM: { Driver: string; Options: Record<string, string> | null; Config: { Subnet?: string; Gateway?: string }[] };
  Internal: boolean;
  Attachable: boolean;
  Ingress: boolean;
  ConfigFrom: { Network: string };
  ConfigOnly: boolean;
  Containers?: Record<string, WireNetworkMember>;
  Options: Record<string, string>;
  Labels: Record<string, string>;
}

/** Keyed by container ID. */
export interface WireNetworkMember {
  Name: string;
  EndpointID: string;
  MacAddress: string;
  /** With prefix length: `172.17.0.2/16`. */
  IPv4Address: string;
  IPv6Address: string;
}
