import { type Simulation, type SimulationOptions, startSimulation } from "../simulated/start.ts"
import { type RelayControl, relayControl, relayFaults } from "./control.ts"
import { answerCommand } from "./wire.ts"

/** A simulated relay: it takes the executor's commands, and has strings to pull. */
export interface SimulatedRelay extends Simulation {
  readonly control: RelayControl
}

/** Starts a simulated relay on this machine. Its url is where an executor submits to. */
export const startRelay = async (options: SimulationOptions = {}): Promise<SimulatedRelay> => {
  const simulation = await startSimulation(
    {
      name: "simulated-relay",
      method: "POST",
      path: "/commands",
      ownFaults: relayFaults,
      answer: ({ body }, fault) => answerCommand(body, fault),
      state: () => ({}),
      routes: [],
    },
    options,
  )
  return { ...simulation, control: relayControl(simulation.controlUrl, simulation.token) }
}
