/// What is wrong with a decoding option, and what to do.
package struct DecodingOptionError: Error, Equatable {
    package var reason: String

    init(_ reason: String) { self.reason = reason }
}
