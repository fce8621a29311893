extension ErrorLog {
    /// Writes a message made as text: for the cold paths of starting, reloading and ending.
    func write(_ level: LogLevel, _ message: String, _ error: Errno? = nil) {
        // The C library has no text for what is no error, and neither have nginx's messages.
        write(level, errno: error?.code == 0 ? nil : error) { $0.append(message) }
    }
}
