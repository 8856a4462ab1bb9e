// Writes noise_xx.json with an implementation of Noise that is not ours: noise-handshake from npm. `vectors`
// are handshakes alone; `channel` is one whole connection as docs/protocol.md has it, every byte.
//
//     npm install noise-handshake@4.2.0 && node generate_noise.mjs > noise_xx.json
//
// The form is that of the Noise project's own test vectors. Secrets are hashes of their names, so the
// output is the same on every run.
import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'

const require = createRequire(process.cwd() + '/')
const Noise = require('noise-handshake')
const Cipher = require('noise-handshake/cipher')
const curve = require('noise-handshake/dh')
const sodium = require('sodium-universal')

const secret = (name) => createHash('sha256').update(name).digest()
const hex = (bytes) => Buffer.from(bytes).toString('hex')

function session(name, prologue, payloads, statics = {}) {
  const secrets = {}
  const side = (role) => {
    secrets[role + '_static'] = statics[role] ?? secret(`${name} ${role} static`)
    secrets[role + '_ephemeral'] = secret(`${name} ${role} ephemeral`)
    const keys = curve.generateKeyPair(Buffer.from(secrets[role + '_static']))
    const state = new Noise('XX', role === 'init', keys, { curve })
    state.initialise(Buffer.from(prologue))
    state.e = curve.generateKeyPair(Buffer.from(secrets[role + '_ephemeral']))
    return state
  }
  const sides = [side('init'), side('resp')]
  const messages = []
  let ciphers
  payloads.forEach((payload, turn) => {
    const [writer, reader] = turn % 2 === 0 ? sides : [sides[1], sides[0]]
    if (turn < 3) {
      const ciphertext = writer.send(payload)
      if (!reader.recv(ciphertext).equals(payload)) throw new Error('the payload did not come through')
      messages.push({ payload: hex(payload), ciphertext: hex(ciphertext) })
      return
    }
    ciphers ??= sides.map((state) => new Cipher(state.tx))
    messages.push({ payload: hex(payload), ciphertext: hex(ciphers[turn % 2].encrypt(payload)) })
  })
  if (hex(sides[0].hash) !== hex(sides[1].hash)) throw new Error('the two sides do not agree')
  return {
    protocol_name: sides[0].protocol.toString(),
    init_prologue: hex(Buffer.from(prologue)),
    init_static: hex(secrets.init_static),
    init_ephemeral: hex(secrets.init_ephemeral),
    resp_prologue: hex(Buffer.from(prologue)),
    resp_static: hex(secrets.resp_static),
    resp_ephemeral: hex(secrets.resp_ephemeral),
    handshake_hash: hex(sides[0].hash),
    messages
  }
}

// A device from its seed: the Noise key that follows from it, and the greeting that vouches for that key.
function device(seed) {
  const id = Buffer.alloc(32)
  const signingKey = Buffer.alloc(64)
  sodium.crypto_sign_seed_keypair(id, signingKey, seed)
  const noiseSecret = Buffer.alloc(32)
  sodium.crypto_generichash(noiseSecret, Buffer.from('strandline/1 noise static key'), seed)
  const noiseKey = curve.generateKeyPair(noiseSecret).publicKey
  const signature = Buffer.alloc(64)
  sodium.crypto_sign_detached(
    signature, Buffer.concat([Buffer.from('strandline/1 this noise static key is mine: '), noiseKey]), signingKey)
  return { id, noiseSecret, greeting: Buffer.concat([Buffer.from([1]), id, signature]) }
}

function framed(frame) {
  const size = Buffer.alloc(4)
  size.writeUInt32BE(frame.length)
  return Buffer.concat([size, frame])
}

function channel() {
  const seeds = { init: secret('channel init seed'), resp: secret('channel resp seed') }
  const [init, resp] = [device(seeds.init), device(seeds.resp)]
  const frames = [Buffer.from('an answer'), Buffer.from('a question')]
  const noise = session('channel', 'strandline/1',
    [nothing, resp.greeting, init.greeting, framed(frames[0]), framed(frames[1])],
    { init: init.noiseSecret, resp: resp.noiseSecret })
  const wire = noise.messages.map(({ ciphertext }) => {
    const size = (ciphertext.length / 2).toString(16).padStart(4, '0')
    return size + ciphertext
  })
  return {
    init_seed: hex(seeds.init),
    init_device: hex(init.id),
    init_ephemeral: noise.init_ephemeral,
    resp_seed: hex(seeds.resp),
    resp_device: hex(resp.id),
    resp_ephemeral: noise.resp_ephemeral,
    resp_frame: hex(frames[0]),
    init_frame: hex(frames[1]),
    wire
  }
}

const text = (...payloads) => payloads.map((payload) => Buffer.from(payload))
const nothing = Buffer.alloc(0)
const vectors = [
  session('empty', '', text('', '', '', '', '')),
  session('strandline', 'strandline/1', text('', 'a greeting', 'a greeting back', 'one', 'two', 'three', 'four')),
  session('long', 'p'.repeat(200), [nothing, Buffer.alloc(1000, 1), Buffer.alloc(129, 2), Buffer.alloc(3000, 3), nothing])
]
process.stdout.write(JSON.stringify({ vectors, channel: channel() }, null, 1) + '\n')
