/// Gives files and folders that the master made to the workers' user.
enum Handover {
    /// Changes the owner, and adds what the owner may do, where they are not so already.
    ///
    /// - Parameter mode: the owner's rights, as chmod(2) has them.
    static func give(_ path: ByteString, _ status: FileStatus, to user: UInt32, mode: UInt32) throws(LogFileFailure) {
        if status.owner != user {
            do { try AppendFile.changeOwner(path.bytes, to: user) } catch {
                throw LogFileFailure(call: "chown()", path: path, owner: user, errno: error)
            }
        }
        if status.mode & mode != mode {
            do { try AppendFile.changeMode(path.bytes, to: status.mode | mode) } catch {
                throw LogFileFailure(call: "chmod()", path: path, errno: error)
            }
        }
    }

    static func status(_ path: ByteString) throws(LogFileFailure) -> FileStatus {
        do { return try AppendFile.status(path.bytes) } catch {
            throw LogFileFailure(call: "stat()", path: path, errno: error)
        }
    }
}
