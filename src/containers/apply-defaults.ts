import type { ContainerSpec } from "./container-spec.ts";
import type { ContainersDeps } from "./deps.ts";

type Ulimits = ContainersDeps["defaults"]["ulimits"];

/** The spec with what the daemon's configuration says where the user says nothing. Pure. */
export function applyDefaults(spec: ContainerSpec, defaults: ContainersDeps["defaults"]): ContainerSpec {
  const { resources, security, log } = spec;
  const ulimits = withDefaultUlimits(resources.ulimits, defaults.ulimits);
  const isDefaultLog = log.driver === "" || log.driver === defaults.log.driver;
  return {
    ...spec,
    shmSizeBytes: spec.shmSizeBytes || defaults.shmSizeBytes,
    resources: { ...resources, ulimits },
    security: security.privileged
      ? security
      : { ...security, securityOptions: [...defaults.securityOptions, ...security.securityOptions] },
    log: isDefaultLog ? { driver: defaults.log.driver, options: { ...defaults.log.options, ...log.options } } : log,
  };
}

export function withDefaultUlimits(ulimits: Ulimits, defaults: Ulimits): Ulimits {
  const named = new Set(ulimits.map(({ name }) => name));
  return [...ulimits, ...defaults.filter(({ name }) => !named.has(name))];
}
