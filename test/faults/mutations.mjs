/*
 * Ways to break the writer, one promise each. A mutation replaces exact text of the writer's sources before they are
 * bundled for the simulation; a text that is not there exactly once is an error, so that none goes stale unnoticed.
 * What each violates is said in README.md.
 */

/** @type {Record<string, readonly { file: string, from: string, to: string }[]>} */
export const MUTATIONS = {
  'acknowledge-before-sync': [
    {
      file: 'src/log/append-file.ts',
      from: 'try {\n      await this.#file.datasync()\n    } catch (cause) {\n      // Never again',
      to: 'try {\n    } catch (cause) {\n      // Never again',
    },
  ],
  'acknowledge-lone-before-sync': [{ file: 'src/log/append-file.ts', from: 'this.#file.datasyncSync()', to: '' }],
  'sync-again-after-failure': [
    {
      file: 'src/log/append-file.ts',
      from: 'throw this.#halted(cause)\n    }\n    this.#length += bytes.length\n  }\n\n  /** After',
      to: 'await this.#file.datasync()\n    }\n    this.#length += bytes.length\n  }\n\n  /** After',
    },
  ],
  'trust-what-is-shown': [
    {
      file: 'src/log/append-file.ts',
      from: 'for (let at = rewriteFrom; at < length; at += REWRITE_BYTES)',
      to: 'for (let at = length; at < length; at += REWRITE_BYTES)',
    },
  ],
  'lose-the-name-of-the-journal': [
    {
      file: 'src/log/append-file.ts',
      from: 'await disk.syncDirectory(folderOf(path))\n    } catch (cause) {\n      await file.close()\n      throw diskError(cause, path, false)\n    }\n    return new AppendFile(path, file, 0)',
      to: '} catch (cause) {\n      throw cause\n    }\n    return new AppendFile(path, file, 0)',
    },
    {
      file: 'src/log/append-file.ts',
      from: 'await disk.syncDirectory(folderOf(path))\n    } catch (cause) {\n      await file.close()\n      throw diskError(cause, path, false)\n    }\n    return new AppendFile(path, file, length)',
      to: '} catch (cause) {\n      throw cause\n    }\n    return new AppendFile(path, file, length)',
    },
  ],
  'acknowledge-other-places': [
    { file: 'src/log/commit-queue.ts', from: 'index += commit.entries.length', to: 'index += 1' },
  ],
  'sign-before-tiles': [
    {
      file: 'src/log/checkpointer.ts',
      from: 'const tree = await this.#integrator.settle()',
      to: 'const tree = this.#integrator.treeHead()',
    },
  ],
  'remove-partials-early': [
    {
      file: 'src/log/integrator.ts',
      from: 'await this.#removePartials(tiles.filter(path => !full.includes(path) && !this.#outbox.some(o => o.path === path)))',
      to: 'await this.#removePartials(tiles)',
    },
  ],
  'remove-partials-while-putting': [
    { file: 'src/log/integrator.ts', from: 'path => !this.#putting.includes(path) && ', to: 'path => ' },
  ],
  'publish-before-head': [
    {
      file: 'src/log/checkpointer.ts',
      from: 'await this.#parts.heads.swap(this.#head, note)',
      to: 'await this.#parts.heads.release(note)\n    await this.#parts.heads.swap(this.#head, note)',
    },
  ],
  'forget-the-head-folder': [
    {
      file: 'src/log/stores/file-head.ts',
      from: 'if (!this.#durable) await reading(this.#layout.head, this.#disk.syncDirectory(folderOf(this.#layout.head)))',
      to: '',
    },
  ],
  'release-nothing-at-start': [{ file: 'src/log/checkpointer.ts', from: 'await this.#release()\n    if', to: 'if' }],
  'sign-two-ways': [
    {
      file: 'src/log/checkpointer.ts',
      from: 'return signCheckpointWith({ origin, size, root }, logSigners)',
      to: 'const odd = this.#clock.now() % 2 === 0\n    return signCheckpointWith({ origin, size, root: odd ? root : root.map(byte => byte ^ 1) }, logSigners)',
    },
  ],
  'one-path-for-all-sizes': [
    {
      file: 'src/log/tree-builder.ts',
      from: "path: tilePath({ level: 'entries', index: this.#tileIndex(0), width }),",
      to: "path: tilePath({ level: 'entries', index: this.#tileIndex(0), width: 1 }),",
    },
    {
      file: 'src/log/stores/file-objects.ts',
      from: 'if (found) throw otherBytes(file)',
      to: '',
    },
  ],
  'write-without-lock': [
    {
      file: 'src/log/place.ts',
      from: "if (!('heldBy' in lock)) return lock",
      to: "return 'heldBy' in lock ? { release: async () => {} } : lock",
    },
  ],
  'lines-before-disclosures': [
    {
      file: 'src/log/stores/jsonl.ts',
      from: 'return writing\n      ? writing.then(() => this.#appendLines(first, entries, lone))\n      : this.#appendLines(first, entries, lone)',
      to: 'if (writing) writing.catch(() => {})\n    return this.#appendLines(first, entries, lone)',
    },
  ],
  'keep-disclosures-of-nobody': [
    {
      file: 'src/log/stores/jsonl.ts',
      from: 'const isNeeded = first < this.#disclosedTo || entries',
      to: 'const isNeeded = entries',
    },
  ],
  'sign-a-size-twice': [
    {
      file: 'src/log/checkpoint-note.ts',
      from: 'const text = formatCheckpoint(checkpoint)',
      to: "const text = formatCheckpoint(checkpoint) + String((globalThis.signed = (globalThis.signed ?? 0) + 1)) + '\\n'",
    },
  ],
  'forget-who-waits': [
    {
      file: 'src/log/checkpointer.ts',
      from: 'for (const waiter of this.#takeWaiters()) waiter.reject(closedError())',
      to: '',
    },
    {
      file: 'src/log/checkpointer.ts',
      from: 'if (this.#ending) return Promise.reject(this.#halted ? haltedBefore(this.#halted) : closedError())',
      to: '',
    },
  ],
  'refuse-what-is-held': [
    {
      file: 'src/log/acceptance.ts',
      from: 'const held = (leaf: Hash) => this.#indexOf(leaf) ?? this.#lookedUp.get(leaf)',
      to: 'const held = () => undefined',
    },
  ],
  'move-what-is-held': [
    {
      file: 'src/log/acceptance.ts',
      from: 'this.#recent.set(record.leaf, index)',
      to: 'this.#recent.set(record.leaf, index + (index % 7 === 6 ? 1 : 0))',
    },
  ],
  'shrink-before-tiles': [
    {
      file: 'src/log/writer.ts',
      from: 'covered: size => this.#vault.covered(size)',
      to: 'covered: () => {}',
    },
    {
      file: 'src/log/writer.ts',
      from: 'this.#checkpointer.appending()',
      to: 'this.#checkpointer.appending()\n    this.#vault.covered(first)',
    },
    {
      file: 'src/log/shrink.ts',
      from: 'part = (await parts.next()).value as BundlePart | undefined',
      to: 'part = undefined',
    },
    {
      file: 'src/log/shrink.ts',
      from: 'if (!bundled || !equalBytes(bundled, record))',
      to: 'if (false)',
    },
  ],
  'resume-another-sequence': [
    {
      file: 'src/log/stores/files.ts',
      from: 'if ((await this.seal()) !== seal) return false',
      to: '',
    },
  ],
  'shrink-unsynced': [
    {
      file: 'src/log/vault-file.ts',
      from: 'await put()\n    await file.datasync()',
      to: 'await put()',
    },
  ],
  'forget-disclosures-that-shrank': [
    {
      file: 'src/log/shrink.ts',
      from: 'if (kept) entries.push',
      to: 'if (kept && next % 16 > 0) entries.push',
    },
  ],
}

/** An esbuild plugin that breaks the writer. */
export function breaking(name, root) {
  const patches = MUTATIONS[name]
  const byFile = new Map()
  for (const patch of patches) byFile.set(root + patch.file, [...(byFile.get(root + patch.file) ?? []), patch])
  return {
    name: 'break',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const patches = byFile.get(path)
        if (!patches) return undefined
        const { readFile } = await import('node:fs/promises')
        let contents = await readFile(path, 'utf8')
        for (const { file, from, to } of patches) {
          if (contents.split(from).length !== 2)
            throw new Error(`the mutation ${name} is stale: its text is not in ${file} exactly once`)
          contents = contents.replace(from, () => to)
        }
        return { contents, loader: 'ts' }
      })
    },
  }
}
