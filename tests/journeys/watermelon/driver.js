// Drives the real @nozbe/watermelondb: reads one JSON command a line, answers one JSON line each.
// The two functions given to synchronize() are the library's own example plus a token.
const readline = require('node:readline')
const { Database, Model, appSchema, tableSchema } = require('@nozbe/watermelondb')
const LokiJSAdapter = require('@nozbe/watermelondb/adapters/lokijs').default
const { date, readonly } = require('@nozbe/watermelondb/decorators')
const { schemaMigrations, createTable, addColumns } = require('@nozbe/watermelondb/Schema/migrations')
const { setGenerator } = require('@nozbe/watermelondb/utils/common/randomId')
const logger = require('@nozbe/watermelondb/utils/common/logger').default
const { synchronize, hasUnsyncedChanges } = require('@nozbe/watermelondb/sync')
const { LokiMemoryAdapter } = require('lokijs')

logger.silence()
const apps = {} // name → {database, adapter, tables, url, token}

function modelOf(table) {
  const Record = class extends Model {
    static table = table
  }
  // What @readonly @date('created_at') createdAt does; with these two the library keeps both times by itself.
  for (const [key, column] of [['createdAt', 'created_at'], ['updatedAt', 'updated_at']]) {
    const descriptor = { configurable: true, enumerable: true, initializer: null }
    Object.defineProperty(Record.prototype, key, readonly(Record.prototype, key, date(column)(Record.prototype, key, descriptor)))
  }
  return Record
}

function databaseOf(adapter, tables) {
  return new Database({ adapter, modelClasses: tables.map(({ name }) => modelOf(name)) })
}

const schemaOf = (version, tables) => appSchema({ version, tables: tables.map(tableSchema) })

const commands = {
  open({ app, url, token, tables }) {
    const adapter = new LokiJSAdapter({
      schema: schemaOf(1, tables),
      migrations: schemaMigrations({ migrations: [] }),
      useWebWorker: false,
      useIncrementalIndexedDB: true,
      dbName: app,
      _testLokiAdapter: new LokiMemoryAdapter(),
    })
    apps[app] = { database: databaseOf(adapter, tables), adapter, tables, url, token }
  },

  // The app is updated: its new version has other tables and columns, and a migration that says so.
  async migrate({ app, tables, created, added }) {
    const steps = [
      ...created.map((name) => createTable(tables.find((table) => table.name === name))),
      ...added.map(({ table, columns }) => addColumns({ table, columns })),
    ]
    const adapter = await apps[app].adapter.testClone({
      schema: schemaOf(2, tables),
      migrations: schemaMigrations({ migrations: [{ toVersion: 2, steps }] }),
    })
    Object.assign(apps[app], { database: databaseOf(adapter, tables), adapter, tables })
  },

  ids({ uuid }) {
    setGenerator(uuid ? () => crypto.randomUUID() : require('@nozbe/watermelondb/utils/common/randomId/randomId').default)
  },

  create({ app, table, columns }) {
    const { database } = apps[app]
    return database.write(async () => {
      const record = await database.get(table).create((fresh) => {
        for (const [name, value] of Object.entries(columns)) fresh._setRaw(name, value)
      })
      return record.id
    })
  },

  update({ app, table, id, columns }) {
    const { database } = apps[app]
    return database.write(async () => {
      const record = await database.get(table).find(id)
      await record.update(() => {
        for (const [name, value] of Object.entries(columns)) record._setRaw(name, value)
      })
    })
  },

  delete({ app, table, id }) {
    const { database } = apps[app]
    return database.write(async () => (await database.get(table).find(id)).markAsDeleted())
  },

  // lose: "answer" = the push arrives and its answer does not; "request" = not even that.
  // between: send this once after the pull, before the push: somebody else is faster.
  async sync({ app, lose, between }) {
    const { database, url, token } = apps[app]
    const headers = { Authorization: `Bearer ${token}` }
    const seen = { pulls: [], pushes: [] }
    try {
      await synchronize({
        database,
        sendCreatedAsUpdated: true,
        migrationsEnabledAtVersion: 1,
        pullChanges: async ({ lastPulledAt, schemaVersion, migration }) => {
          const asked = `last_pulled_at=${lastPulledAt}&schema_version=${schemaVersion}`
          const response = await fetch(`${url}?${asked}&migration=${encodeURIComponent(JSON.stringify(migration))}`, { headers })
          if (!response.ok) throw new Error(await response.text())
          const answer = await response.json()
          seen.pulls.push({ migration, strategy: answer.experimentalStrategy ?? null, last: lastPulledAt })
          if (between) await fetch(between.url, { method: between.method, headers: { ...headers, 'Content-Type': 'application/json' }, body: JSON.stringify(between.body) })
          return answer
        },
        pushChanges: async ({ changes, lastPulledAt }) => {
          if (lose === 'request') throw new Error('the network is down')
          const body = JSON.stringify(changes)
          const response = await fetch(`${url}?last_pulled_at=${lastPulledAt}`, { method: 'POST', headers, body })
          seen.pushes.push({ status: response.status, last: lastPulledAt, body })
          if (lose === 'answer') throw new Error('the answer got lost')
          if (!response.ok) throw new Error(await response.text())
        },
      })
    } catch (error) {
      seen.error = error.message
    }
    return seen
  },

  async rows({ app }) {
    const { database, tables } = apps[app]
    const found = {}
    for (const { name } of tables) {
      found[name] = (await database.get(name).query().fetch()).map(({ _raw: { _status, _changed, ...raw } }) => raw)
    }
    return found
  },

  unsynced: ({ app }) => hasUnsyncedChanges({ database: apps[app].database }),
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { command, ...given } = JSON.parse(line)
    let answer
    try {
      answer = { result: (await commands[command](given)) ?? null }
    } catch (error) {
      answer = { error: String(error.stack) }
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`)
  }
}

main().then(() => process.exit(0)) // LokiJS keeps timers running
