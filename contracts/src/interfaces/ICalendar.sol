// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Which days are working days, as the members voted year by year
/// @notice Days are those of Beijing, UTC+8, and count from 1 January 1970. The State Council says each autumn for the
/// next year which weekdays are holidays and which Saturdays and Sundays are worked (调休); no rule gives that. In a year
/// that was not voted on, Monday to Friday are working days: a right must not hang on a vote.
interface ICalendar {
    /// @param year of the common era
    /// @param early bit n is set if day n of the year, counted from 0, is a working day: days 0 to 255
    /// @param late days 256 to 365, from bit 0 on
    /// Both as they are from now on: days that had begun are what they were, whatever was proposed
    event CalendarSet(uint16 indexed year, uint256 early, uint256 late);

    error CalendarNotAlliance(address sender);
    /// @dev A year out of reach, a day that it does not have, or a number of working days that no year has
    error CalendarMalformedYear(uint16 year);
    /// @dev The days that are still to come are all as they are proposed
    error CalendarUnchanged(uint16 year);

    /// @notice Reverts unless `set` would be possible now
    function check(uint16 year, uint256 early, uint256 late) external view;

    /// @notice Put a year's working days in force; only the alliance calls it, when a vote has passed. Days that have
    /// begun stay what they were
    function set(uint16 year, uint256 early, uint256 late) external;

    /// @param day counted from 1 January 1970, Beijing time
    function isWorkingDay(uint64 day) external view returns (bool);

    /// @param word number of 256 days in a row: days 256 * word to 256 * word + 255, counted from 1 January 1970
    /// @return voted the bit of a day is set if the members decided on it, here or in a contract before this one
    /// @return working and if they decided that it is a working day
    function decided(uint64 word) external view returns (uint256 voted, uint256 working);

    /// @param time in seconds since 1970 UTC
    /// @param count of working days, the day of `time` itself not counted
    /// @return end the first second after the last of them; but whatever the members vote, no later than 30 days and
    /// four times as many days as asked for from then on
    function addWorkingDays(uint64 time, uint8 count) external view returns (uint64 end);
}
