/// What to do with an id that is in the queue with other contents.
package enum OtherContents: Sendable {
    case refuse
    case replace
}
