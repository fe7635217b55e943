import type { ConsumerOptions, StartingPoint } from "@landfall/adapters/kafka/consumer"
import { partitionCount, type SimulatedKafka } from "./kafka.ts"
import type { Process } from "./process.ts"
import type { Random } from "./random.ts"
import type { VirtualTime } from "./virtual-time.ts"

/** After so long without a word from a member the group gives its partitions to others. */
const session_ms = 10_000

type Partition = Omit<StartingPoint, "offset">

/** A consumer in a group. */
export interface Member {
  readonly process: Process
  readonly group: NonNullable<ConsumerOptions["group"]>
  /** What the group has told it is its own; null until it has told something. */
  assigned: ReadonlyArray<Partition> | null
  /** `expelled`: its session has ended, and it joins anew. `refused`: somebody else has its name, and it never joins again. */
  standing: "member" | "expelled" | "refused" | "gone"
}

/** Who coordinates consumer groups: partitions go to the members that are heard of, and a name belongs to who came last. */
export class SimulatedGroups {
  private readonly kafka: SimulatedKafka
  private readonly time: VirtualTime
  private readonly random: Random
  private readonly groups = new Map<string, Member[]>()
  private readonly due = new Set<string>()

  constructor(kafka: SimulatedKafka, time: VirtualTime, random: Random) {
    this.kafka = kafka
    this.time = time
    this.random = random
  }

  join(process: Process, group: Member["group"]): Member {
    const members = this.groups.get(group.id) ?? []
    if (!this.groups.has(group.id)) this.watch(group.id)
    this.groups.set(group.id, members)
    const member: Member = { process, group, assigned: null, standing: "member" }
    const named = members.findIndex(
      (other) => group.memberName && other.group.memberName === group.memberName,
    )
    const before = members[named]
    if (before === undefined) {
      members.push(member)
      this.balance(group.id)
    } else {
      // Who comes back under its name gets its partitions at once, and who had it is told so at its next word.
      before.standing = "refused"
      members[named] = member
      if (before.assigned !== null) this.tell(member, before.assigned)
      else this.balance(group.id)
    }
    return member
  }

  /** Leaves in order. A member with a name keeps its partitions until its session ends. */
  leave(member: Member): void {
    if (member.standing !== "member") return
    const at_ms = this.time.now() + (member.group.memberName ? session_ms : 0)
    this.time.at(at_ms, () => this.expel(member, "gone"))
  }

  /** Takes a member's session away, as after an outage that lasted longer than it. */
  expel(member: Member, standing: "expelled" | "refused" | "gone"): void {
    if (member.standing !== "member") return
    member.standing = standing
    const { id } = member.group
    this.groups.set(
      id,
      this.membersOf(id).filter((other) => other !== member),
    )
    this.balance(id)
  }

  /** Every process that is a member somewhere, or was. */
  processes(): ReadonlySet<Process> {
    return new Set([...this.groups.values()].flat().map(({ process }) => process))
  }

  private membersOf(id: string): ReadonlyArray<Member> {
    return this.groups.get(id) ?? []
  }

  /** Once a second: who is dead, or stands still for too long, is a member no more. */
  private watch(id: string): void {
    const silent = new Map<Member, number>()
    const look = (): void => {
      const now_ms = this.time.now()
      for (const member of this.membersOf(id)) {
        const { alive, stopped_since_ms } = member.process
        if (alive && stopped_since_ms === null) silent.delete(member)
        else if (!silent.has(member)) silent.set(member, stopped_since_ms ?? now_ms)
        if (now_ms - (silent.get(member) ?? now_ms) > session_ms) this.expel(member, "expelled")
      }
      this.time.at(now_ms + 1_000, look)
    }
    look()
  }

  /** Gives the partitions anew to all members, a moment later. */
  private balance(id: string): void {
    if (this.due.has(id)) return
    this.due.add(id)
    this.time.at(this.time.now() + this.random.int(5, 400), () => {
      this.due.delete(id)
      void this.give(id)
    })
  }

  private async give(id: string): Promise<void> {
    const members = this.membersOf(id)
    // Nobody gets anything before everybody has given back what it had, or its session has ended.
    await Promise.all(members.map((member) => this.takeBack(member)))
    if (this.due.has(id)) return
    const there = this.membersOf(id).filter(({ standing }) => standing === "member")
    for (const [place, member] of there.entries()) {
      const own = member.group.topics.flatMap((topic) =>
        Array.from({ length: partitionCount }, (_, partition) => ({ topic, partition })).filter(
          ({ partition }) => partition % there.length === place,
        ),
      )
      this.tell(member, own)
    }
  }

  private async takeBack(member: Member): Promise<void> {
    const { assigned, process, group } = member
    if (assigned === null) return
    member.assigned = null
    const given = process.answer(Promise.resolve()).then(() => group.listener.revoked())
    given.catch(group.listener.onFailure)
    await Promise.race([given, this.time.sleep(session_ms)])
  }

  private tell(member: Member, partitions: ReadonlyArray<Partition>): void {
    member.assigned = partitions
    const told = member.process
      .answer(this.time.sleep(this.random.int(1, 50)))
      .then(() =>
        member.assigned === partitions ? member.group.listener.assigned(partitions as never) : undefined,
      )
    told.catch(member.group.listener.onFailure)
  }

  /** Whether the brokers answer, without whom there are no groups. */
  isThere(): boolean {
    return this.kafka.up
  }
}
