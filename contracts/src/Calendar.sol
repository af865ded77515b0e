// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {ICalendar} from "./interfaces/ICalendar.sol";
import {MembersOnly} from "./MembersOnly.sol";
import {Succession} from "./Succession.sol";

/// @title The working days, year by year
contract Calendar is ICalendar, Succession {
    uint64 private constant DAY = 1 days;
    /// @dev Beijing is ahead of UTC, and has no summer time
    uint64 private constant AHEAD = 8 hours;
    uint16 private constant FIRST_YEAR = 2025;
    uint16 private constant LAST_YEAR = 2200;
    /// @dev A year has about 250: neither a slip nor a vote makes claims wait for ever, or examinations last no time
    uint256 private constant LEAST_WORKING_DAYS = 200;
    uint256 private constant MOST_WORKING_DAYS = 300;

    /// @dev One bit for each day since 1970, 256 to a word: whether the members decided on it, and what
    mapping(uint256 word => uint256) private _voted;
    mapping(uint256 word => uint256) private _working;

    /// @param alliance whose votes change the calendar
    constructor(IAlliance alliance) MembersOnly(alliance) {}

    /// @inheritdoc ICalendar
    function check(uint16 year, uint256 early, uint256 late) external view {
        _check(year, early, late);
    }

    /// @inheritdoc ICalendar
    function set(uint16 year, uint256 early, uint256 late) external {
        if (msg.sender != address(ALLIANCE)) revert CalendarNotAlliance(msg.sender);
        _requireInForce();
        _check(year, early, late);
        address before = _predecessor();
        uint64 first = _firstDay(year);
        uint64 length = _firstDay(year + 1) - first;
        uint64 tomorrow = _dayOf(uint64(block.timestamp)) + 1;
        for (uint64 place = 0; place < length; ++place) {
            uint64 day = first + place;
            bool isWorking = _bit(early, late, place);
            if (day >= tomorrow) {
                _decide(day, isWorking);
            } else if (_isWorkingDay(day, before) != isWorking) {
                if (place < 256) early ^= 1 << place;
                else late ^= 1 << (place - 256);
            }
        }
        emit CalendarSet(year, early, late);
    }

    /// @inheritdoc ICalendar
    function isWorkingDay(uint64 day) external view returns (bool) {
        return _isWorkingDay(day, _predecessor());
    }

    /// @inheritdoc ICalendar
    function decided(uint64 day) external view returns (bool voted, bool working) {
        return _decided(day, _predecessor());
    }

    /// @inheritdoc ICalendar
    function addWorkingDays(uint64 time, uint8 count) external view returns (uint64 end) {
        address before = _predecessor();
        uint64 day = _dayOf(time);
        uint64 last = day + 30 + 4 * uint64(count);
        while (count != 0 && day != last) {
            ++day;
            if (_isWorkingDay(day, before)) --count;
        }
        return (day + 1) * DAY - AHEAD;
    }

    function _check(uint16 year, uint256 early, uint256 late) private view {
        if (year < FIRST_YEAR || year > LAST_YEAR) revert CalendarMalformedYear(year);
        address predecessor = _predecessor();
        uint64 first = _firstDay(year);
        uint64 length = _firstDay(year + 1) - first;
        if (late >> (length - 256) != 0) revert CalendarMalformedYear(year);
        uint64 today = _dayOf(uint64(block.timestamp));
        uint256 working = 0;
        bool changes = false;
        for (uint64 place = 0; place < length; ++place) {
            bool isWorking = _bit(early, late, place);
            if (isWorking) ++working;
            if (!changes && first + place > today) {
                (bool voted, bool before) = _decided(first + place, predecessor);
                changes = !voted || before != isWorking;
            }
        }
        if (working < LEAST_WORKING_DAYS || working > MOST_WORKING_DAYS) revert CalendarMalformedYear(year);
        if (!changes) revert CalendarUnchanged(year);
    }

    function _decide(uint64 day, bool isWorking) private {
        uint256 bit = 1 << (day & 255);
        _voted[day >> 8] |= bit;
        if (isWorking) _working[day >> 8] |= bit;
        else _working[day >> 8] &= ~bit;
    }

    function _isWorkingDay(uint64 day, address before) private view returns (bool) {
        (bool voted, bool working) = _decided(day, before);
        // 1 January 1970 was a Thursday
        return voted ? working : (day + 3) % 7 < 5;
    }

    /// @param before the contract that had the name before this one; zero if there is none
    function _decided(uint64 day, address before) private view returns (bool voted, bool working) {
        uint256 bit = 1 << (day & 255);
        if (_voted[day >> 8] & bit != 0) return (true, _working[day >> 8] & bit != 0);
        if (before != address(0)) return ICalendar(before).decided(day);
    }

    function _bit(uint256 early, uint256 late, uint64 place) private pure returns (bool) {
        return (place < 256 ? early >> place : late >> (place - 256)) & 1 != 0;
    }

    function _dayOf(uint64 time) private pure returns (uint64) {
        return (time + AHEAD) / DAY;
    }

    /// @dev 1 January; counts the leap years since 1970
    function _firstDay(uint16 year) private pure returns (uint64) {
        uint64 before = uint64(year) - 1;
        return 365 * (uint64(year) - 1970) + (before / 4 - before / 100 + before / 400) - 477;
    }

    /// @inheritdoc Succession
    function _bookName() internal pure override returns (bytes32) {
        return "Calendar";
    }
}
