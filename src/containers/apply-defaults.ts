import type { ContainerSpec } from "./container-spec.ts";
import type { ContainersDeps } from "./deps.ts";

/** The spec with what the daemon's configuration says where the user says nothing. Pure. */
export function applyDefaults(spec: ContainerSpec, defaults: ContainersDeps["defaults"]): ContainerSpec {
  const { resources, security, log } = spec;
  const named = new Set(resources.ulimits.map(({ name }) => name));
  const ulimits = [...resources.ulimits, ...defaults.ulimits.filter(({ name }) => !named.has(name))];
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
