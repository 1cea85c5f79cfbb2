/** What a client knows of its account at a registry: `X-Registry-Auth`, the body of `POST /auth`, a value of `X-Registry-Config`. */
export interface WireAuthConfig {
  username?: string;
  password?: string;
  /** Base64 of `username:password`, as `config.json` holds it; read where the two are missing. */
  auth?: string;
  serveraddress?: string;
  identitytoken?: string;
  registrytoken?: string;
}

/** Answer of `POST /auth`. */
export interface WireAuthResponse {
  Status: string;
  IdentityToken: string;
}

/** One line of `GET /images/search`. */
export interface WireSearchResult {
  star_count: number;
  is_official: boolean;
  name: string;
  is_automated: boolean;
  description: string;
}

export interface WireDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  artifactType?: string;
}

export interface WirePlatform {
  architecture: string;
  os: string;
  variant?: string;
}

/** `GET /distribution/{name}/json`. */
export interface WireDistributionInspect {
  Descriptor: WireDescriptor;
  Platforms: WirePlatform[];
}
