import { execFileSync } from "node:child_process"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { topics } from "@landfall/domain/registry"
import { runKafkaTool, startKafka } from "@landfall/setup/parts/kafka"
import { freePorts } from "@landfall/setup/parts/ports"
import { createTopics } from "@landfall/setup/parts/topics"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { secret } from "../../src/config/secret.ts"
import { aclArguments, type KafkaAccess, kafkaAccess } from "../../src/kafka/access.ts"
import { openAdmin } from "../../src/kafka/admin.ts"
import type { KafkaConnection } from "../../src/kafka/configuration.ts"
import { openConsumer } from "../../src/kafka/consumer.ts"
import { openPublisher } from "../../src/kafka/publisher.ts"

const passwordOf = (service: string): string => `the password of ${service}`.replaceAll(" ", "-")

/** A broker that takes encrypted connections of known users only, each with the access of its row. */
let broker: Awaited<ReturnType<typeof givenSecuredKafka>>
beforeAll(async () => {
  broker = await givenSecuredKafka()
})
afterAll(() => broker?.[Symbol.asyncDispose]())

const givenSecuredKafka = async () => {
  const dir = await mkdtemp(join(tmpdir(), "landfall-secured-"))
  const [open = 0, controller = 0, secured = 0] = await freePorts(3)
  const certificate = join(dir, "certificate.pem")
  const key = join(dir, "key.pem")
  const both = join(dir, "both.pem")
  execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-keyout", key, "-out", certificate],
  ])
  execFileSync("sh", ["-c", 'cat "$1" "$2" > "$3"', "sh", key, certificate, both])
  const kafka = await startKafka({
    dir: join(dir, "kafka"),
    port: open,
    scram: kafkaAccess.map(
      ({ service }) => `SCRAM-SHA-512=[name=${service},password=${passwordOf(service)}]`,
    ),
    settings: {
      "controller.quorum.voters": `1@127.0.0.1:${controller}`,
      listeners: `PLAINTEXT://127.0.0.1:${open},CLIENTS://127.0.0.1:${secured},CONTROLLER://127.0.0.1:${controller}`,
      "advertised.listeners": `PLAINTEXT://127.0.0.1:${open},CLIENTS://127.0.0.1:${secured}`,
      "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,CLIENTS:SASL_SSL",
      "listener.name.clients.sasl.enabled.mechanisms": "SCRAM-SHA-512",
      "listener.name.clients.scram-sha-512.sasl.jaas.config":
        "org.apache.kafka.common.security.scram.ScramLoginModule required;",
      "listener.name.clients.ssl.keystore.type": "PEM",
      "listener.name.clients.ssl.keystore.location": both,
      "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
      // The broker itself, and the set-up of this test, over a port that no service is told.
      "super.users": "User:ANONYMOUS",
    },
  })
  await createTopics(
    kafka.brokers,
    topics.map(({ name }) => ({ topic: name, partitions: 1 })),
  )
  const log = join(dir, "acls.log")
  await Promise.all(
    kafkaAccess
      .flatMap(aclArguments)
      .map((rule) =>
        runKafkaTool(
          "org.apache.kafka.tools.AclCommand",
          ["--bootstrap-server", kafka.brokers, ...rule],
          log,
        ),
      ),
  )
  return {
    as: (
      service: string,
      changes: { readonly password?: string; readonly ca?: string } = {},
    ): KafkaConnection => ({
      brokers: `127.0.0.1:${secured}`,
      clientId: service,
      security: {
        protocol: "sasl_ssl",
        user: {
          name: service,
          password: secret(changes.password ?? passwordOf(service)),
          mechanism: "SCRAM-SHA-512",
        },
        ca: changes.ca ?? certificate,
        certificate: null,
        key: null,
      },
    }),
    [Symbol.asyncDispose]: async () => {
      await kafka.kill()
      await rm(dir, { recursive: true, force: true })
    },
  }
}

const message = (topic: string) => ({ topic, key: "k", value: "{}" })

const rejectionOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "it was allowed",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )

describe("a service with the access of its row", () => {
  const publishers = kafkaAccess.filter(({ transactional_id }) => transactional_id !== null)
  test.each(publishers)("$service reads its topics", async ({ service, reads }) => {
    const connection = broker.as(service)
    const admin = openAdmin(connection)
    const partitions = reads.map((topic) => ({ topic, partition: 0 }))
    expect(await admin.describe(reads)).toHaveLength(reads.length)
    expect(await admin.bounds(partitions)).toHaveLength(reads.length)
    admin.close()
    const consumer = await openConsumer(connection, { group: null, waitMs: 50, queuedBytesMax: 1 << 20 })
    consumer.assign(partitions.map((at) => ({ ...at, offset: 0 })))
    while (reads.some((topic) => consumer.endOf(topic, 0)?.reached == null)) await consumer.consume(10)
    await consumer.close()
  })

  test.each(kafkaAccess)(
    "$service is refused what its row does not name, to read and to join",
    async (access) => {
      const connection = broker.as(access.service)
      const admin = openAdmin(connection)
      for (const { name } of topics.filter(({ name }) => !access.reads.includes(name)))
        expect([name, await rejectionOf(admin.bounds([{ topic: name, partition: 0 }]))]).toEqual([
          name,
          // Who may not describe a topic is not told that there is one.
          expect.stringMatching(/No such entry|authoriz/),
        ])
      admin.close()
      const failed = Promise.withResolvers<string>()
      const consumer = await openConsumer(connection, {
        group: {
          id: "somebody-elses-group",
          memberName: null,
          topics: access.reads,
          listener: {
            assigned: async () => failed.resolve("it was let in"),
            revoked: async () => {},
            onFailure: (error) => failed.resolve(String(error)),
          },
        },
        waitMs: 50,
        queuedBytesMax: 1 << 20,
      })
      let waiting = true
      const reading = (async () => {
        while (waiting) await consumer.consume(10).catch((error: unknown) => failed.resolve(String(error)))
      })()
      expect(await failed.promise).toMatch(/authoriz/i)
      waiting = false
      await reading
      await consumer.close()
    },
  )

  test.each(publishers)("$service publishes to its topics, and to no other", async (access) => {
    const { service, writes } = access
    const others = topics.map(({ name }) => name).filter((name) => !writes.includes(name))
    const id = `${access.transactional_id}${access.each_account ? "-desk.near" : ""}`
    const publisher = openPublisher(broker.as(service), id)
    await publisher.open()
    await publisher.publish(writes.map(message))
    for (const topic of others) {
      expect(await rejectionOf(publisher.publish([message(topic)]))).toMatch(
        /may this user write to them|authorization failed/,
      )
      await publisher.open()
    }
    await publisher.close()
    const stolen = openPublisher(broker.as(service), "landfall-somebody-else")
    expect(await rejectionOf(stolen.open())).toMatch(/authoriz/i)
    await stolen.close()
  })

  test("history-writer joins its group", async () => {
    const [{ service, group, reads }] = kafkaAccess as [KafkaAccess]
    const joined = Promise.withResolvers<number>()
    const consumer = await openConsumer(broker.as(service), {
      group: {
        id: group,
        memberName: null,
        topics: reads,
        listener: {
          assigned: async (partitions) => joined.resolve(partitions.length),
          revoked: async () => {},
          onFailure: joined.reject,
        },
      },
      waitMs: 50,
      queuedBytesMax: 1 << 20,
    })
    let waiting = true
    const reading = (async () => {
      while (waiting) await consumer.consume(10)
    })()
    expect(await joined.promise).toBe(reads.length)
    waiting = false
    await reading
    await consumer.close()
  })
})

describe("nobody gets in", () => {
  const open = (connection: KafkaConnection): Promise<string> =>
    rejectionOf(openConsumer(connection, { group: null, waitMs: 50, queuedBytesMax: 1 << 20 }))

  test("with a wrong password, which no message repeats", async () => {
    const refusal = await open(broker.as("ops-sentinel", { password: "correct-horse" }))
    expect(refusal).toMatch(/^connecting the consumer: .*authentication/i)
    expect(refusal).not.toContain("correct-horse")
  })

  test("through a broker whose certificate nobody trusted has signed", async () => {
    const systems = "/etc/ssl/certs/ca-certificates.crt"
    expect(await open(broker.as("ops-sentinel", { ca: systems }))).toMatch(
      /^connecting the consumer: .*certificate/i,
    )
  })
})
