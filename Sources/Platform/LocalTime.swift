import CLinux

/// A moment of the civil calendar in the zone of the machine (or of the variable TZ).
struct LocalTime: Equatable, Sendable {
    let year: Int
    /// 1 to 12.
    let month: Int
    let day: Int
    let hour: Int
    let minute: Int
    let second: Int
    /// Minutes east of Greenwich.
    let offset: Int

    init(secondsSinceEpoch seconds: Int) {
        var moment = time_t(seconds)
        var fields = unsafe tm()
        _ = unsafe localtime_r(&moment, &fields)
        year = unsafe Int(fields.tm_year) + 1900
        month = unsafe Int(fields.tm_mon) + 1
        day = unsafe Int(fields.tm_mday)
        hour = unsafe Int(fields.tm_hour)
        minute = unsafe Int(fields.tm_min)
        second = unsafe Int(fields.tm_sec)
        offset = unsafe fields.tm_gmtoff / 60
    }
}

/// The wall clock of the system.
enum SystemClock {
    /// Seconds since the epoch, and the milliseconds of the running second.
    static var now: (seconds: Int, milliseconds: Int) {
        var moment = timespec()
        _ = unsafe clock_gettime(CLOCK_REALTIME, &moment)
        return (moment.tv_sec, moment.tv_nsec / 1_000_000)
    }
}

/// Facts about the running process that log lines show.
enum ThisProcess {
    /// Asked each time: it changes with each fork.
    static var id: Int { Int(getpid()) }

    /// Whether a process of this number is there, whoever's it is.
    static func isAlive(_ process: Int32) -> Bool {
        kill(process, 0) == 0 || Errno.last != .noSuchProcess
    }

    /// The name of the machine, or `localhost`.
    static var hostName: String {
        let host = unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { space in
            guard let start = space.baseAddress, unsafe gethostname(start, 255) == 0 else {
                return ""
            }
            unsafe space[255] = 0
            return unsafe String(cString: start)
        }
        return host.isEmpty ? "localhost" : host
    }
}
