"""Writes a capture file of N packets, `packets.py N FILE`, reads it with scapy's rdpcap and waits: a heap of many references."""
import struct
import sys

from scapy.all import DNS, DNSQR, IP, TCP, UDP, Ether, Raw, rdpcap

KINDS = [
    Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / TCP(sport=1234, dport=80, options=[("MSS", 1460)]) / Raw(b"GET / HTTP/1.1\r\n"),
    Ether() / IP(src="10.0.0.2", dst="10.0.0.3") / UDP(sport=5353, dport=53) / DNS(qd=DNSQR(qname="name.example")),
    Ether() / IP(src="10.0.0.3", dst="10.0.0.1") / TCP(sport=80, dport=1234, flags="A") / Raw(bytes(range(100))),
]


def write(path, count):
    raw = [bytes(packet) for packet in KINDS]
    with open(path, "wb") as output:
        output.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number in range(count):
            packet = raw[number % len(raw)]
            output.write(struct.pack("<IIII", number, 0, len(packet), len(packet)) + packet)


def main():
    write(sys.argv[2], int(sys.argv[1]))
    packets = rdpcap(sys.argv[2])
    print("ready", len(packets), flush=True)
    input()


main()
