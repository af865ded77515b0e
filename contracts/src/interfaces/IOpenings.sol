// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title When tenders are opened
/// @notice A centre commits to the moment of an opening by the salted digest of its terms, may only put it off, and
/// opens once it has come. Holders of shares (docs/formats/sealed.md) wait for that. Nothing here is counted by bid.
interface IOpenings {
    /// @param member the centre
    /// @param opening id of its opening-terms document
    /// @param time from when on it may be opened, seconds since 1970 UTC
    event OpeningAnnounced(bytes32 indexed member, bytes32 indexed opening, uint64 time);

    /// @param time the new one, later than the last
    /// @param notice id of the opening-notice document that says why
    event OpeningPostponed(bytes32 indexed member, bytes32 indexed opening, uint64 time, bytes32 notice);

    /// @param time of the block
    event Opened(bytes32 indexed member, bytes32 indexed opening, uint64 time);

    error OpeningsNotMember(address account);
    error OpeningsNotCentre(bytes32 member);
    error OpeningsAnnounced(bytes32 opening);
    error OpeningsUnknown(bytes32 opening);
    error OpeningsOpened(bytes32 opening);
    /// @dev An opening is announced for the future, and only put off
    error OpeningsNotLater(uint64 time);
    error OpeningsTooEarly(uint64 time);

    /// @param opening id of the opening-terms document; the sender's own, so nobody else can take it
    /// @param time in the future
    function announce(bytes32 opening, uint64 time) external;

    /// @param time later than the committed one
    /// @param notice id of the signed notice
    function postpone(bytes32 opening, uint64 time, bytes32 notice) external;

    /// @notice Says that the opening begins; not before the committed time, and once
    function open(bytes32 opening) external;

    /// @return time the committed one; zero if it was not announced
    /// @return opened time of the block that opened it; zero before
    function stateOf(bytes32 member, bytes32 opening) external view returns (uint64 time, uint64 opened);
}
