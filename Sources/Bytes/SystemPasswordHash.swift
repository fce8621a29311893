import CLinux

/// The password hashes of the C library: DES, `$1$`, `$2b$`, `$5$`, `$6$`, `$y$` and what else the system's libcrypt knows.
enum SystemPasswordHash {
    /// Appends the hash of a password with the method and salt of `setting`, which may be a whole hash. Both end with NUL.
    ///
    /// - Throws: what `crypt_r` failed with, if it did.
    static func append(_ password: Buffer, setting: Buffer, to out: Buffer) throws(Errno) {
        // Tens of kilobytes, too much for a stack; slow hashes need far more while they run.
        let state = UnsafeMutablePointer<crypt_data>.allocate(capacity: 1)
        unsafe memset(state, 0, MemoryLayout<crypt_data>.size)
        defer {
            unsafe explicit_bzero(state, MemoryLayout<crypt_data>.size)
            unsafe state.deallocate()
        }
        let found = unsafe password.withCString { key in
            unsafe setting.withCString { salt -> Bool in
                guard let text = unsafe crypt_r(key, salt, state) else { return false }
                var index = 0
                while unsafe text[index] != 0 {
                    unsafe out.append(UInt8(bitPattern: text[index]))
                    index += 1
                }
                return true
            }
        }
        if !found { throw Errno.last }
    }
}
