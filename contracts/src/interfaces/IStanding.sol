// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title How members come to rest, fall silent, come back and leave
/// @notice Votes suspend and reinstate (IAlliance). What no vote can settle, because too few are there to vote, time
/// does: whoever is summoned and gives no sign of life for the waiting time can be set aside, until it comes back by
/// its own step. Leaving is a member's own step too, after a notice. Membership ends rights, not duties: see
/// `boundMember`.
interface IStanding {
    /// @dev NONE: never was a member. SUSPENDED: by vote. ABSENT: set aside for its silence
    enum Standing { NONE, ACTIVE, SUSPENDED, ABSENT, LEFT }

    /// @param until block time from which the member can be set aside, unless it is seen before
    event MemberSummoned(bytes32 indexed id, bytes32 indexed by, uint64 until);
    /// @param by the member itself, or the other one that vouches for it
    event SummonsEnded(bytes32 indexed id, bytes32 indexed by);
    event MemberAbsent(bytes32 indexed id);
    event MemberReturned(bytes32 indexed id);
    /// @param from block time from which the member can leave; zero: it stays after all
    event LeaveAnnounced(bytes32 indexed id, uint64 from);
    event MemberLeft(bytes32 indexed id);
    event RolesChanged(bytes32 indexed id, uint8 roles);

    /// @dev A member that was seen within the waiting time is not silent
    error AllianceSeenLately(bytes32 id, uint64 seen);
    error AllianceNotSummoned(bytes32 id);
    error AllianceTooEarly(uint64 from);
    error AllianceWrongStanding(bytes32 id, Standing standing);
    error AllianceLastMember(bytes32 id);

    /// @return where the member stands
    function standingOf(bytes32 id) external view returns (Standing);

    /// @return id of the member that this account acts for in whatever standing, zero if there never was one: what
    /// only fulfils a duty is taken from whoever was ever a member, but not from an account that it has given up
    function boundMember(address account) external view returns (bytes32 id);

    /// @return seen block time of the member's last own call to the alliance, or when it was last vouched for
    /// @return until block time from which it can be set aside; zero while it is not summoned
    /// @return leaves block time from which it can leave; zero without notice
    function timesOf(bytes32 id) external view returns (uint64 seen, uint64 until, uint64 leaves);

    /// @notice Ask an active member that was not seen for the waiting time for a sign of life
    function summon(bytes32 id) external;

    /// @notice "I am here." Every other own call to the alliance says the same
    function answer() external;

    /// @notice Another member objects to a summons: it counts as if the member had answered
    function vouch(bytes32 id) external;

    /// @notice After the waiting time any active member sets the silent one aside
    function setAside(bytes32 id) external;

    /// @notice A member that was set aside is back; no vote, for it was blamed for nothing
    function comeBack() external;

    /// @notice Give notice of leaving
    function announceLeave() external;

    /// @notice Stay after all
    function withdrawLeave() external;

    /// @notice Leave, after the notice; the last active member stays, for nobody could relay a revocation any more
    function depart() external;
}
