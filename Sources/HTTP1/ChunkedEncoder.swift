/// The lines that make a body chunked; the data goes between them as it is.
enum ChunkedEncoder {
    /// Appends the line before a chunk of `count` bytes; a chunk of none would end the body.
    static func appendHead(of count: Int, to output: Buffer) {
        precondition(count > 0)
        output.append(hex: UInt64(count))
        output.append("\r\n")
    }

    /// Appends what follows a chunk's data.
    static func appendTail(to output: Buffer) {
        output.append("\r\n")
    }

    /// Appends the last chunk without the trailer and the empty line.
    static func appendLastChunk(to output: Buffer) {
        output.append("0\r\n")
    }

    /// Appends the end of a body without trailer.
    static func appendEnd(to output: Buffer) {
        output.append("0\r\n\r\n")
    }
}
