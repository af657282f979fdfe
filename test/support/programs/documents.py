"""Keeps parsed documents, `documents.py COUNT`: lxml trees, ElementTree trees, a compiled stylesheet and a schema; then waits."""
import sys
import xml.etree.ElementTree as ElementTree

from lxml import etree

COUNT = int(sys.argv[1]) if len(sys.argv) > 1 else 40


def text(number):
    entries = "".join(
        '<entry id="e%d-%d" lang="en"><title>Title %d</title><body>%s</body></entry>' % (number, entry, entry, "word " * 20)
        for entry in range(400)
    )
    return "<feed number='%d'>%s</feed>" % (number, entries)


documents = [etree.fromstring(text(number)) for number in range(COUNT)]
trees = [ElementTree.fromstring(text(number)) for number in range(COUNT // 4)]
titles = [document.xpath("//title/text()") for document in documents[: COUNT // 4]]
style = etree.XSLT(
    etree.XML(
        '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">'
        '<xsl:template match="/"><out><xsl:for-each select="//entry"><t><xsl:value-of select="title"/></t></xsl:for-each></out>'
        "</xsl:template></xsl:stylesheet>"
    )
)
results = [style(document) for document in documents[: COUNT // 4]]
schema = etree.RelaxNG(
    etree.XML('<element name="a" xmlns="http://relaxng.org/ns/structure/1.0"><zeroOrMore><element name="b"><text/></element></zeroOrMore></element>')
)
kept = [element for document in documents[:4] for element in document.iter()]
print("ready", sum(len(document) for document in documents), len(kept), flush=True)
input()
