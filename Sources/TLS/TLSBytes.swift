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
            let isTaken = unsafe Unmanaged<TLSConnection>.fromOpaque(data)._withUnsafeGuaranteedRef {
                unsafe $0.takeSealed(UnsafeRawBufferPointer(start: bytes, count: count))
            }
            unsafe written.pointee = isTaken ? count : 0
            return isTaken ? 1 : 0
        }
        unsafe BIO_meth_set_ctrl(made, control)
        return unsafe made
    }()

    /// What OpenSSL asks of a BIO: before each record, several times, whether the kernel seals, which a flag of the BIO says.
    private static let control: @convention(c) (OpaquePointer?, Int32, Int, UnsafeMutableRawPointer?) -> Int = {
        bio, command, number, argument in
        if command == BIO_CTRL_GET_KTLS_SEND {
            return unsafe BIO_test_flags(bio, Int32(APUS_BIO_IS_SEALED)) == 0 ? 0 : 1
        }
        if command == BIO_CTRL_FLUSH { return 1 }
        guard Int(command) == APUS_BIO_SET_KTLS || Int(command) == APUS_BIO_SET_KTLS_RECORD_TYPE,
            let data = unsafe BIO_get_data(bio)
        else { return 0 }
        return unsafe sealing(of: data, bio, command, number, argument)
    }

    /// What OpenSSL says to a BIO that might hand the sealing over to the kernel. It does so only where `Options KTLS` is set, and
    /// only for ciphers that kernels have.
    @unsafe @inline(never)
    private static func sealing(
        of data: UnsafeMutableRawPointer, _ bio: OpaquePointer?, _ command: Int32, _ number: Int,
        _ argument: UnsafeMutableRawPointer?
    ) -> Int {
        let connection = unsafe Unmanaged<TLSConnection>.fromOpaque(data).takeUnretainedValue()
        if Int(command) == APUS_BIO_SET_KTLS_RECORD_TYPE {
            connection.beginRecord(of: UInt8(truncatingIfNeeded: number))
            return 0
        }
        // 0 asks for the other direction, which stays in the process.
        guard number != 0, let argument = unsafe argument, unsafe connection.handOverSealing(keys: argument)
        else { return 0 }
        unsafe BIO_set_flags(bio, Int32(APUS_BIO_IS_SEALED))
        return 1
    }

    /// A BIO of a connection, which outlives it.
    @unsafe
    static func make(for connection: TLSConnection) -> OpaquePointer? {
        guard let method = unsafe method, let bio = unsafe BIO_new(method) else { return nil }
        unsafe BIO_set_data(bio, Unmanaged.passUnretained(connection).toOpaque())
        unsafe BIO_set_init(bio, 1)
        return unsafe bio
    }
}
