import COpenSSL

/// The BIO between OpenSSL and a connection: it reads where the loop has received, and writes behind what is sealed. Nothing is
/// held in between.
enum TLSBytes {
    /// One method for all connections.
    nonisolated(unsafe) private static let method: OpaquePointer? = {
        guard let made = unsafe BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "apus")
        else { return nil }
        unsafe BIO_meth_set_read_ex(made) { bio, space, count, taken in
            guard let data = unsafe BIO_get_data(bio), let space = unsafe space, let taken = unsafe taken
            else { return 0 }
            unsafe apus_bio_clear_retry(bio)
            // The connection holds the BIO, and is held by whoever called OpenSSL.
            let copied = unsafe Unmanaged<TLSConnection>.fromOpaque(data)._withUnsafeGuaranteedRef {
                unsafe $0.takeInput(UnsafeMutableRawPointer(space), count)
            }
            unsafe taken.pointee = copied
            if copied > 0 { return 1 }
            unsafe apus_bio_retry_read(bio)
            return 0
        }
        unsafe BIO_meth_set_write_ex(made) { bio, bytes, count, written in
            guard let data = unsafe BIO_get_data(bio), let bytes = unsafe bytes, let written = unsafe written
            else { return 0 }
            unsafe apus_bio_clear_retry(bio)
            unsafe Unmanaged<TLSConnection>.fromOpaque(data)._withUnsafeGuaranteedRef {
                unsafe $0.takeSealed(UnsafeRawBufferPointer(start: bytes, count: count))
            }
            unsafe written.pointee = count
            return 1
        }
        unsafe BIO_meth_set_ctrl(made) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return unsafe made
    }()

    /// A BIO of a connection, which outlives it.
    @unsafe
    static func make(for connection: TLSConnection) -> OpaquePointer? {
        guard let method = unsafe method, let bio = unsafe BIO_new(method) else { return nil }
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(connection).toOpaque())
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }
}
