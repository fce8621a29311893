/// Names for the bytes that protocols and configuration files are written with.
///
/// Public, as all that is small and hot in the lower targets: the compiler inlines and specialises across targets only what is
/// public; a package declaration of another target is a call, even to read a constant.
public enum ASCII {
    public static let nul: UInt8 = 0
    public static let tab: UInt8 = 9
    public static let lf: UInt8 = 10
    public static let cr: UInt8 = 13
    public static let space: UInt8 = 32
    public static let quote: UInt8 = 0x22
    public static let hash: UInt8 = 0x23
    public static let dollar: UInt8 = 0x24
    public static let percent: UInt8 = 0x25
    public static let ampersand: UInt8 = 0x26
    public static let apostrophe: UInt8 = 0x27
    public static let openParenthesis: UInt8 = 0x28
    public static let closeParenthesis: UInt8 = 0x29
    public static let asterisk: UInt8 = 0x2A
    public static let plus: UInt8 = 0x2B
    public static let comma: UInt8 = 0x2C
    public static let minus: UInt8 = 0x2D
    public static let dot: UInt8 = 0x2E
    public static let slash: UInt8 = 0x2F
    public static let zero: UInt8 = 0x30
    public static let nine: UInt8 = 0x39
    public static let colon: UInt8 = 0x3A
    public static let semicolon: UInt8 = 0x3B
    public static let less: UInt8 = 0x3C
    public static let equals: UInt8 = 0x3D
    public static let greater: UInt8 = 0x3E
    public static let question: UInt8 = 0x3F
    public static let at: UInt8 = 0x40
    public static let openBracket: UInt8 = 0x5B
    public static let backslash: UInt8 = 0x5C
    public static let closeBracket: UInt8 = 0x5D
    public static let caret: UInt8 = 0x5E
    public static let underscore: UInt8 = 0x5F
    public static let openBrace: UInt8 = 0x7B
    public static let closeBrace: UInt8 = 0x7D
    public static let tilde: UInt8 = 0x7E
    public static let delete: UInt8 = 0x7F

}

extension UInt8 {
    @inlinable public var isASCIIDigit: Bool { self &- 0x30 < 10 }
    @inlinable public var isASCIILetter: Bool { (self | 0x20) &- 0x61 < 26 }
    @inlinable public var isASCIIUppercase: Bool { self &- 0x41 < 26 }
    @inlinable public var asciiLowercased: UInt8 { isASCIIUppercase ? self | 0x20 : self }
    @inlinable public var asciiUppercased: UInt8 { self &- 0x61 < 26 ? self & 0xDF : self }

    /// The value of a hexadecimal digit, or nil.
    @inlinable public var hexValue: UInt8? {
        if isASCIIDigit { return self &- 0x30 }
        let letter = (self | 0x20) &- 0x61
        return letter < 6 ? letter &+ 10 : nil
    }

    /// The digit for a value below 16.
    public static func hexDigit(_ value: UInt8, uppercase: Bool = false) -> UInt8 {
        value < 10 ? 0x30 &+ value : (uppercase ? 0x41 : 0x61) &+ (value &- 10)
    }
}
