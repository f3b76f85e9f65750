import type { SimulatorOptions } from 'pcrs-simulator';

/** Small enough to read every record of it, with an inactive policy and one without hosts. */
export const goldenWorld: SimulatorOptions = { seed: 1, policies: 6, hosts: 12, controls: 3 };
