import CLinux

/// Users and groups of the system, and changing to them.
enum Account {
    /// The super-user's rights are in effect.
    static var isSuperuser: Bool { geteuid() == 0 }

    /// A user's number by name; an error with code 0 if there is no such user.
    static func user(named name: String) throws(Errno) -> UInt32 {
        apus_set_errno(0)
        guard let entry = unsafe getpwnam(name) else { throw Errno.last }
        return unsafe entry.pointee.pw_uid
    }

    /// A group's number by name; an error with code 0 if there is no such group.
    static func group(named name: String) throws(Errno) -> UInt32 {
        apus_set_errno(0)
        guard let entry = unsafe getgrnam(name) else { throw Errno.last }
        return unsafe entry.pointee.gr_gid
    }

    static func become(group: UInt32) throws(Errno) {
        if setgid(group) != 0 { throw Errno.last }
    }

    static func become(user: UInt32) throws(Errno) {
        if setuid(user) != 0 { throw Errno.last }
    }

    /// Takes the groups that the system's tables list for a user.
    static func joinGroups(of user: String, and group: UInt32) throws(Errno) {
        if unsafe initgroups(user, group) != 0 { throw Errno.last }
    }
}

/// Limits and priorities of this process.
enum ProcessLimit {
    /// The most descriptors that may be open.
    static func setOpenFiles(_ count: Int) throws(Errno) {
        let resource = Int32(RLIMIT_NOFILE.rawValue)
        if apus_set_limit(resource, UInt64(clamping: count)) != 0 { throw Errno.last }
    }

    /// What holds, and what it could be raised to.
    static func openFiles() throws(Errno) -> (soft: Int, hard: Int) {
        var soft: UInt64 = 0
        var hard: UInt64 = 0
        if unsafe apus_get_limit(Int32(RLIMIT_NOFILE.rawValue), &soft, &hard) != 0 { throw Errno.last }
        return (Int(clamping: soft), Int(clamping: hard))
    }

    /// The largest core file, in bytes.
    static func setCoreSize(_ size: Int) throws(Errno) {
        let resource = Int32(RLIMIT_CORE.rawValue)
        if apus_set_limit(resource, UInt64(clamping: size)) != 0 { throw Errno.last }
    }

    /// The nice value: negative is more.
    static func setPriority(_ nice: Int) throws(Errno) {
        if apus_set_priority(Int32(clamping: nice)) != 0 { throw Errno.last }
    }
}
