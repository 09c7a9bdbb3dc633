// node-postgres, as `pgspec client --command` calls it: ACTION URL.
const { Client } = require('pg')

const [action, url] = process.argv.slice(2)
// COPY, cancel requests and tokens are not of the package itself.
if (!['ask', 'parameters', 'zero-byte'].includes(action)) process.exit(77)
const isAnswer = result => result.rows.length === 1 && Object.values(result.rows[0])[0] === '42'

async function act(client) {
  switch (action) {
    case 'ask':
      return isAnswer(await client.query('select $1::text', ['x']))
    case 'parameters': {
      const places = Array.from({ length: 65536 }, (_, index) => `$${index + 1}`)
      return isAnswer(await client.query(`select ${places}`, Array(65536).fill('x')))
    }
    case 'zero-byte':
      return isAnswer(await client.query("select 'a\0b'"))
  }
}

async function main() {
  // "require" means what it means in libpq: nobody looks at the certificate.
  const client = new Client({ connectionString: url.replace('sslmode=require', 'sslmode=no-verify') })
  let failed
  client.on('error', error => (failed = error))
  await client.connect()
  const done = await act(client)
  await client.end()
  if (failed) throw failed
  process.exit(done ? 0 : 1)
}

main().catch(error => {
  console.error(error.message)
  process.exit(1)
})
