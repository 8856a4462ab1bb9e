#!/usr/bin/env python3
"""An empty device takes over a table that others have: what travels, and what people see of it."""
import devices


def fill(device, rows):
    device.write_many("INSERT INTO notes VALUES (?, ?, ?)",
                      [(f"note {i:06}", f"title {i}", "Buy milk, bread and eggs, then call home. " * 3) for i in range(rows)])


class Compression(devices.Case):
    def received_bytes(self, name, options):
        a, b = self.device(f"{name}-a"), self.device(f"{name}-b")
        a.trust(b)
        b.trust(a)
        fill(a, 2000)
        a.start()
        self.assertEqual(b.once(a, options=options), 0)
        self.assertEqual(a.rows(), b.rows())
        return b.status()["received"]["bytes"]

    def test_compression(self):
        """rows travel compressed, and with --no-compression on one side as they are"""
        compressed = self.received_bytes("packed", ())
        plain = self.received_bytes("plain", ("--no-compression",))
        self.assertLess(compressed * 3, plain)


if __name__ == "__main__":
    devices.main()
