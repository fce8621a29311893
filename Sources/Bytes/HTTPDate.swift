/// A moment of the civil calendar, in UTC or shifted by a zone's offset.
struct CivilTime: Equatable, Sendable {
    var year: Int
    /// 1 to 12.
    var month: Int
    /// 1 to 31.
    var day: Int
    var hour: Int
    var minute: Int
    var second: Int
    /// 0 is Sunday.
    var weekday: Int

    /// From seconds since 1970-01-01T00:00:00Z (days-from-civil algorithm, proleptic Gregorian).
    init(secondsSinceEpoch seconds: Int) {
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let rest = seconds - days * 86_400
        hour = rest / 3_600
        minute = rest / 60 % 60
        second = rest % 60
        weekday = ((days + 4) % 7 + 7) % 7
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    /// Seconds since the epoch of a UTC moment.
    static func secondsSinceEpoch(
        year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0
    ) -> Int {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        return days * 86_400 + hour * 3_600 + minute * 60 + second
    }

    static let weekdays: [StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    static let months: [StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}

extension Buffer {
    /// Appends an HTTP date (RFC 9110 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
    func append(httpDate seconds: Int) {
        let time = CivilTime(secondsSinceEpoch: seconds)
        append(CivilTime.weekdays[time.weekday])
        append(", ")
        append(decimal: time.day, width: 2)
        append(ASCII.space)
        append(CivilTime.months[time.month - 1])
        append(ASCII.space)
        append(decimal: time.year, width: 4)
        append(ASCII.space)
        appendClock(of: time)
    }
    /// Appends the date of a cookie: `Sun, 06-Nov-94 08:49:37 GMT`. As in nginx the century is left out up to 2037, which very old
    /// browsers want.
    func append(cookieDate seconds: Int) {
        let time = CivilTime(secondsSinceEpoch: seconds)
        append(CivilTime.weekdays[time.weekday])
        append(", ")
        append(decimal: time.day, width: 2)
        append(ASCII.minus)
        append(CivilTime.months[time.month - 1])
        append(ASCII.minus)
        append(decimal: time.year > 2_037 ? time.year : time.year % 100, width: 2)
        append(ASCII.space)
        appendClock(of: time)
    }

    private func appendClock(of time: CivilTime) {
        append(decimal: time.hour, width: 2)
        append(ASCII.colon)
        append(decimal: time.minute, width: 2)
        append(ASCII.colon)
        append(decimal: time.second, width: 2)
        append(" GMT")
    }
}
